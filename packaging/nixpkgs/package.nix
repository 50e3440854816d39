# Filled in by packaging/release: @VERSION@ and the hashes. For pkgs/by-name/ri/rigx.
{
  lib,
  stdenv,
  buildGoModule,
  fetchFromGitHub,
  installShellFiles,
}:

buildGoModule rec {
  pname = "rigx";
  version = "@VERSION@";

  src = fetchFromGitHub {
    owner = "rigx-build";
    repo = "rigx";
    tag = "v${version}";
    hash = "@SOURCE@";
  };

  vendorHash = "@VENDOR@";

  subPackages = [
    "cmd/rigx"
    "cmd/rigx-ls"
  ];

  ldflags = [
    "-s"
    "-w"
  ];

  env.CGO_ENABLED = 0;

  nativeBuildInputs = [ installShellFiles ];

  # The tests build with Nix, which a build by Nix cannot do.
  doCheck = false;

  postInstall = lib.optionalString (stdenv.buildPlatform.canExecute stdenv.hostPlatform) ''
    installShellCompletion --cmd rigx \
      --bash <($out/bin/rigx completion bash) \
      --zsh <($out/bin/rigx completion zsh) \
      --fish <($out/bin/rigx completion fish)
    $out/bin/rigx man man
    installManPage man/*
  '';

  meta = {
    description = "Build system around one declarative file, on top of Nix";
    homepage = "https://github.com/rigx-build/rigx";
    changelog = "https://github.com/rigx-build/rigx/releases/tag/v${version}";
    license = lib.licenses.bsd2;
    mainProgram = "rigx";
    platforms = lib.platforms.unix;
  };
}
