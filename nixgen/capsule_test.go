package nixgen_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// hostileCapsule is a capsule whose every string is from somebody else.
type hostileCapsule struct{ name, entrypoint, service, value, host, container string }

func (h hostileCapsule) toml(backend string) string {
	q := syntax.Quote
	volumes := ""
	if backend != "qemu" {
		volumes = fmt.Sprintf("volumes = [{ host = %s, container = %s }]\n", q(h.host), q(h.container))
	}
	return fmt.Sprintf(`[project]
name = "p"
[targets.%s]
kind = "capsule"
backend = %s
entrypoint = %s
services = { one = %s }
env = { VALUE = %s }
ports = [80]
%s`, syntax.QuoteKey(h.name), q(backend), q(h.entrypoint), q(h.service), q(h.value), volumes)
}

// capsuleEvaluation gives the arguments of the derivation, with the texts that
// files are made of in place of the files.
const capsuleEvaluation = `let
  outputs = (import ./flake.nix).outputs { self = { }; nixpkgs = { outPath = toString ./stub; }; };
in outputs.packages.x86_64-linux.${builtins.fromJSON (builtins.readFile ./name.json)}`

const capsuleStub = `{ system, ... }: {
  lib = import %s;
  stdenv.hostPlatform.system = system;
  runtimeShell = "/stub/bash";
  coreutils = "/stub/coreutils";
  gzip = "/stub/gzip";
  writeText = name: text: text;
  writeScript = name: text: text;
  runCommand = name: env: script: env;
}`

// systemStub is a NixOS that consists of what the unit of the entrypoint runs.
const systemStub = `{ system, modules }:
let
  pkgs = import ../.. { inherit system; };
  lib = pkgs.lib // { mkDefault = v: v; mkIf = _: v: v; trivial.release = "1"; };
  ours = builtins.head modules { inherit lib pkgs; };
in { config.system.build = rec { toplevel = ours.systemd.services.rigx-entrypoint.serviceConfig.ExecStart; vm = toplevel; }; }`

// check builds nothing: it compares what Nix and bash make of the generated
// texts with the strings themselves. It reports false for capsules that rigx
// refuses.
func (h hostileCapsule) check(t testing.TB, backend string) bool {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "rigx.toml"), h.toml(backend))
	flake, ds := generate(t, dir)
	if ds != nil {
		return false
	}
	name, err := json.Marshal(h.name)
	if err != nil {
		t.Fatal(err)
	}
	lib, err := filepath.Abs("hostpkgs/set/lib.nix")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "flake.nix"), flake)
	write(t, filepath.Join(dir, "name.json"), string(name))
	write(t, filepath.Join(dir, "stub", "default.nix"), fmt.Sprintf(capsuleStub, lib))
	write(t, filepath.Join(dir, "stub", "nixos", "lib", "eval-config.nix"), systemStub)
	write(t, filepath.Join(dir, "eval.nix"), capsuleEvaluation)
	var got struct{ Manifest, ConfigFile, Runner, VM string }
	if err := json.Unmarshal(nix(t, "--eval", "--strict", "--json", filepath.Join(dir, "eval.nix")), &got); err != nil {
		t.Fatal(err)
	}

	var m struct {
		Name, Entrypoint string
		Env              map[string]string
		Volumes          []map[string]string
	}
	if err := json.Unmarshal([]byte(got.Manifest), &m); err != nil {
		t.Fatal(err)
	}
	same := func(what string, want, got any) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	value, entrypoint := literal(h.value), literal(h.entrypoint)
	same("name", h.name, m.Name)
	same("entrypoint", entrypoint, m.Entrypoint)
	same("env", map[string]string{"VALUE": value}, m.Env)

	settings := []string{h.name}
	if backend != "qemu" {
		same("volumes", []map[string]string{{"host": h.host, "container": h.container, "mode": "rw"}}, m.Volumes)
		settings = append(settings, h.host, h.container, "rw")
	}
	declared, _, _ := strings.Cut(got.Runner, "\ntools=/stub/coreutils")
	same("settings", settings, bash(t, declared+"\nprintf '%s\\0' \"$name\" \"${volumes[@]}\""))

	// What is inside: the program itself, or the unit that exports the variables
	// and runs it.
	program := got.VM
	if got.ConfigFile != "" {
		var image struct{ Config struct{ Cmd, Env []string } }
		if err := json.Unmarshal([]byte(got.ConfigFile), &image); err != nil {
			t.Fatal(err)
		}
		program = image.Config.Cmd[0]
		if backend != "nixos" {
			same("variables of the image", []string{"PATH=", "VALUE=" + value}, image.Config.Env)
		}
	}
	if backend == "nixos" || backend == "qemu" {
		exports, entry, found := strings.Cut(program, "entry=#!")
		if !found {
			t.Fatalf("no program in %s", program)
		}
		same("variables of the unit", []string{value}, bash(t, exports+"printf '%s\\0' \"$VALUE\""))
		program = entry
	}
	_, commands, _ := strings.Cut(program, "\nfi\n")
	commands, _, found := strings.Cut(commands, "bash=/stub/bash slug=")
	if !found {
		t.Fatalf("no commands in %s", program)
	}
	same("commands", []string{entrypoint, "one", literal(h.service)}, bash(t, commands+"printf '%s\\0' \"$entrypoint\" \"${services[@]}\""))
	return true
}

func TestHostileCapsules(t *testing.T) {
	random := rand.New(rand.NewPCG(13, 14))
	s := func() string {
		var b strings.Builder
		for range random.IntN(5) {
			b.WriteString(fragments[random.IntN(len(fragments))])
		}
		return b.String()
	}
	accepted := map[string]int{}
	for i := range 120 {
		backend := []string{"lite", "docker", "nixos", "qemu"}[i%4]
		name := "n" + strings.NewReplacer("/", "", "@", "", "\n", "", "\t", "", "\x01", "", "\\", "").Replace(s())
		if (hostileCapsule{name, "true " + s(), "true " + s(), s(), "h" + s(), "/" + s()}).check(t, backend) {
			accepted[backend]++
		}
	}
	for _, backend := range []string{"lite", "docker", "nixos", "qemu"} {
		if accepted[backend] < 8 {
			t.Errorf("only %d of 30 capsules were accepted by %s: the test shows little", accepted[backend], backend)
		}
	}
}

func FuzzCapsule(f *testing.F) {
	f.Add("a$(id)", "echo '${x}'", "true", "it's \"x\"", "a b", "/${")
	f.Add("let", "''", "'\n'", "$$HOME\n''", "~/x", "/a:b,c")
	f.Fuzz(func(t *testing.T, name, entrypoint, service, value, host, container string) {
		for _, s := range []string{name, entrypoint, service, value, host, container} {
			if !utf8.ValidString(s) || strings.Contains(s, "\x00") {
				t.Skip()
			}
		}
		for _, backend := range []string{"lite", "docker", "nixos", "qemu"} {
			hostileCapsule{name, entrypoint, service, value, host, container}.check(t, backend)
		}
	})
}

// TestEnvironmentVariable hands values to the functions of the runners that read
// RIGX_ENV, and to bash what those write for inside.
func TestEnvironmentVariable(t *testing.T) {
	runner, err := os.ReadFile("capsule/runner.sh")
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(15, 16))
	var variable []string
	var want []string
	for i := range 400 {
		var b strings.Builder
		for range random.IntN(6) {
			b.WriteString(append(fragments, ",", "\\,", "\\\\", "=")[random.IntN(len(fragments)+4)])
		}
		escaped := strings.NewReplacer(`\`, `\\`, ",", `\,`).Replace(b.String())
		variable = append(variable, fmt.Sprintf("V%d=%s", i, escaped))
		want = append(want, b.String())
	}
	t.Setenv("RIGX_ENV", strings.Join(variable, ","))
	show := "for ((i = 0; i < 400; i++)); do name=V$i; printf '%s\\0' \"${!name}\"; done\n"
	// As bash hands files to the unit, and as it reads what the variable of the
	// first process says.
	got := bash(t, "mode=run name=x tools=/usr/bin\n"+string(runner)+"\nenvironment\nlines=$(exports)\neval \"$lines\"\n"+show)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
