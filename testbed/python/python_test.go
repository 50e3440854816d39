package python

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestUnpack unpacks many times at once, and over a damaged copy; Python
// imports the result every time.
func TestUnpack(t *testing.T) {
	cache := t.TempDir()
	damage := []func(dir string){
		func(string) {},
		func(dir string) { os.RemoveAll(filepath.Join(dir, "rigx", "capsule.py")) },
		func(dir string) { _ = os.WriteFile(filepath.Join(dir, "rigx", "capsule.py"), nil, 0o644) },
		func(dir string) { os.RemoveAll(dir); _ = os.WriteFile(dir, nil, 0o644) },
	}
	dir := filepath.Join(cache, "python-"+key())
	for i, harm := range damage {
		harm(dir)
		var wg sync.WaitGroup
		dirs := make([]string, 8)
		for j := range dirs {
			wg.Add(1)
			go func() {
				defer wg.Done()
				var err error
				if dirs[j], err = Unpack(cache); err != nil {
					t.Error(err)
				}
			}()
		}
		wg.Wait()
		cmd := exec.Command("python3", "-c", "import rigx.capsule, rigx.testbed; print(rigx.__file__)")
		cmd.Dir = t.TempDir()
		cmd.Env = append(os.Environ(), "PYTHONPATH="+Path(dirs[0], "/nowhere"))
		out, err := cmd.CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != filepath.Join(dirs[7], "rigx", "__init__.py") {
			t.Fatalf("after damage %d: %v\n%s", i, err, out)
		}
		if left, _ := filepath.Glob(filepath.Join(cache, "*.tmp")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

// TestPython38 reads the package as the oldest Python that it is for.
func TestPython38(t *testing.T) {
	python(t, `
import ast, pathlib, rigx
files = list(pathlib.Path(rigx.__file__).parent.glob("*.py"))
assert len(files) > 3
for file in files:
    ast.parse(file.read_text(), str(file), feature_version=(3, 8))
`)
}
