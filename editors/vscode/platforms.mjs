// Packages of the extension that bring rigx and rigx-ls along, one for each platform.
//
//   npm run platforms [-- linux-x64 …]
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";

const platforms = {
  "linux-x64": ["linux", "amd64"], "linux-arm64": ["linux", "arm64"],
  "darwin-x64": ["darwin", "amd64"], "darwin-arm64": ["darwin", "arm64"],
  "win32-x64": ["windows", "amd64"], "win32-arm64": ["windows", "arm64"],
};

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(platforms);
for (const name of wanted) {
  const [GOOS, GOARCH] = platforms[name] ?? (() => { throw new Error(`${name} is none of ${Object.keys(platforms).join(", ")}`); })();
  rmSync("bin", { recursive: true, force: true });
  execFileSync("go", ["build", "-trimpath", "-ldflags=-s -w", "-o", "editors/vscode/bin/", "./cmd/rigx", "./cmd/rigx-ls"], {
    cwd: "../..", stdio: "inherit", env: { ...process.env, GOOS, GOARCH, CGO_ENABLED: "0" },
  });
  execFileSync("npx", ["vsce", "package", "--no-dependencies", "--target", name, "--out", `rigx-${name}.vsix`], { stdio: "inherit" });
}
rmSync("bin", { recursive: true, force: true });
