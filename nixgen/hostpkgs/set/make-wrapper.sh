# makeWrapper PROGRAM WRAPPER OPTIONS…
# wrapProgram PROGRAM OPTIONS…
#
# The options of nixpkgs that are in use: --set, --set-default, --unset,
# --prefix and --suffix VAR SEP VALUE, --add-flags, --append-flags, --run,
# --chdir, --argv0, --inherit-argv0.

makeWrapper() {
  local program=$1 wrapper=$2 flags= after= argv0=
  shift 2
  mkdir -p "$(dirname "$wrapper")"
  {
    echo "#!$SHELL -e"
    while [ $# -gt 0 ]; do
      case $1 in
        --set) printf 'export %s=%q\n' "$2" "$3"; shift 3 ;;
        --set-default) printf 'export %s=${%s-%q}\n' "$2" "$2" "$3"; shift 3 ;;
        --unset) printf 'unset %s\n' "$2"; shift 2 ;;
        --prefix) printf 'export %s=%q${%s:+%q$%s}\n' "$2" "$4" "$2" "$3" "$2"; shift 4 ;;
        --suffix) printf 'export %s=${%s:+$%s%q}%q\n' "$2" "$2" "$2" "$3" "$4"; shift 4 ;;
        --add-flags) flags="$flags $2"; shift 2 ;;
        --append-flags) after="$after $2"; shift 2 ;;
        --run) printf '%s\n' "$2"; shift 2 ;;
        --chdir) printf 'cd %q\n' "$2"; shift 2 ;;
        --argv0) argv0=$(printf -- '-a %q ' "$2"); shift 2 ;;
        --inherit-argv0) argv0='-a "$0" '; shift ;;
        *) echo "makeWrapper: unknown option $1" >&2; return 1 ;;
      esac
    done
    printf 'exec %s%q%s "$@"%s\n' "$argv0" "$program" "$flags" "$after"
  } > "$wrapper"
  chmod +x "$wrapper"
}

wrapProgram() {
  local program=$1 hidden
  shift
  hidden=$(dirname "$program")/.$(basename "$program")-wrapped
  mv "$program" "$hidden"
  makeWrapper "$hidden" "$program" --inherit-argv0 "$@"
}
