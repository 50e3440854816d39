#!@bash@
# Calls a compiler of the machine with what buildInputs bring: headers by
# NIX_CFLAGS_COMPILE, libraries and run paths by NIX_LDFLAGS.
link=1
for argument; do
  case $argument in
    -c | -S | -E | -M | -MM | -fsyntax-only | --version | -v | -print-* | -dump*) link= ;;
  esac
done
[ $# -gt 0 ] || link=

# The values are lists of flags without spaces in them.
compile=(${NIX_CFLAGS_COMPILE-})
after=()
if [ -n "$link" ]; then
  for flag in ${NIX_CFLAGS_LINK-}; do after+=("$flag"); done
  for flag in ${NIX_LDFLAGS-}; do
    case $flag in
      -L* | -l*) after+=("$flag") ;;
      *) after+=("-Wl,$flag") ;;
    esac
  done
fi
# musl-gcc is a script that calls the machine's gcc by a name of its own.
[ -z "@realgcc@" ] || export REALGCC="@realgcc@"
exec "@compiler@" "$@" "${compile[@]}" "${after[@]}"
