package hostpkgs

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// KernelDirVariable names the environment variable with the directory that a
// package with a kernel was unpacked in, for machines that have none installed,
// such as containers.
const KernelDirVariable = "RIGX_KERNEL_DIR"

// Kernel is what a virtual machine boots.
type Kernel struct {
	// Image is the path of vmlinuz, "" if there is none that can be used; Lacks
	// then says what is wrong with those there are.
	Image   string `json:"image"`
	Lacks   string `json:"lacks"`
	Version string `json:"version"`
	// Modules are the paths of those that the machine needs and that are not
	// built in.
	Modules []string `json:"modules"`
	// Stamp is another one when a file of the kernel is.
	Stamp string `json:"stamp"`
}

// wantedModules, by the directories below kernel/ that they are in.
var wantedModules = []string{
	"drivers/virtio/virtio", "drivers/virtio/virtio_ring", "drivers/virtio/virtio_pci", "drivers/virtio/virtio_pci_modern_dev",
	"drivers/virtio/virtio_pci_legacy_dev", "net/core/failover", "drivers/net/net_failover", "drivers/net/virtio_net",
	"fs/fscache/fscache", "fs/netfs/netfs", "net/9p/9pnet", "net/9p/9pnet_virtio", "fs/9p/9p",
	"drivers/input/evdev", "drivers/acpi/button", "drivers/char/hw_random/rng-core", "drivers/char/hw_random/virtio-rng",
	"fs/binfmt_misc",
}

// kernelRoot is the directory that boot/ and lib/modules/ are in.
func kernelRoot() string {
	if dir := os.Getenv(KernelDirVariable); dir != "" {
		if abs, err := filepath.Abs(dir); err == nil {
			return abs
		}
	}
	return "/"
}

// kernelFile is an image below boot/, and the modules for it.
type kernelFile struct {
	image, version string
	modules        []string
}

// kernels lists those there are, the newest first.
func kernels() []kernelFile {
	images, _ := filepath.Glob(filepath.Join(kernelRoot(), "boot", "vmlinuz-*"))
	slices.SortFunc(images, func(a, b string) int { return compareVersions(b, a) })
	out := make([]kernelFile, len(images))
	for i, image := range images {
		out[i] = kernelFile{image: image, version: strings.TrimPrefix(filepath.Base(image), "vmlinuz-")}
		for _, name := range wantedModules {
			for _, suffix := range []string{".ko", ".ko.xz", ".ko.zst", ".ko.gz"} {
				file := filepath.Join(out[i].modulesDir(), "kernel", name+suffix)
				if _, err := os.Stat(file); err == nil {
					out[i].modules = append(out[i].modules, file)
					break
				}
			}
		}
	}
	return out
}

func (k kernelFile) modulesDir() string { return filepath.Join(kernelRoot(), "lib/modules", k.version) }

// has9p says whether the kernel can mount directories of the machine.
func (k kernelFile) has9p() bool {
	if slices.ContainsFunc(k.modules, func(file string) bool { return strings.HasPrefix(filepath.Base(file), "9p.ko") }) {
		return true
	}
	builtin, _ := os.ReadFile(filepath.Join(k.modulesDir(), "modules.builtin"))
	return strings.Contains(string(builtin), "/9p.ko")
}

// kernelFiles are all files that say which kernel is chosen.
func kernelFiles() (files []string) {
	for _, k := range kernels() {
		files = append(append(files, k.image), k.modules...)
	}
	return files
}

// kernel finds the newest kernel that can be read and has the 9p file system.
func (h *Host) kernel() {
	for _, k := range kernels() {
		f, err := os.Open(k.image)
		if err != nil {
			h.Kernel.Lacks = "you may not read " + k.image
			continue
		}
		_ = f.Close()
		if !k.has9p() {
			h.Kernel.Lacks = k.image + " has no 9p file system"
			continue
		}
		digest := sha256.New()
		for _, file := range append([]string{k.image}, k.modules...) {
			stamp, _ := stampOf(file, false)
			_, _ = fmt.Fprintln(digest, stamp)
		}
		h.Kernel = Kernel{Image: k.image, Version: k.version, Modules: k.modules, Stamp: hex.EncodeToString(digest.Sum(nil))}
		if root := kernelRoot(); root != "/" {
			h.build = append(h.build, root)
		}
		return
	}
}

var versionParts = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\d+|\D+`) })

// compareVersions orders 6.9 before 6.10.
func compareVersions(a, b string) int {
	as, bs := versionParts().FindAllString(a, -1), versionParts().FindAllString(b, -1)
	return slices.CompareFunc(as, bs, func(a, b string) int {
		n, errA := strconv.Atoi(a)
		m, errB := strconv.Atoi(b)
		if errA == nil && errB == nil {
			return n - m
		}
		return strings.Compare(a, b)
	})
}
