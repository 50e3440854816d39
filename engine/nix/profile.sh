# What rigx asks of another machine, over ssh: list | switch | rollback.
#   sh -s -- ACTION PROFILE [STORE-PATH [DIRECTORY-OF-NIX]]
# The last lines tell the profile and its generations. The exit statuses are
# those that profile.go knows.
set -eu
action=$1 profile=$2 path=${3-}
PATH=${4:+$4:}$PATH:/nix/var/nix/profiles/default/bin:/run/current-system/sw/bin:${HOME-}/.nix-profile/bin
command -v nix-env >/dev/null || exit 90
case $profile in
/*) ;;
*)
  dir=/nix/var/nix/profiles
  [ -w "$dir" ] || [ "$(id -u)" = 0 ] || dir=${XDG_STATE_HOME:-$HOME/.local/state}/nix/profiles
  profile=$dir/$profile
  [ "$action" != switch ] || mkdir -p "$dir"
  ;;
esac
name=${profile##*/}
if [ -L "$profile" ]; then
  case $(readlink "$profile") in "$name"-*-link) ;; *) exit 91 ;; esac
elif [ -e "$profile" ]; then
  exit 91
elif [ "$action" = rollback ]; then
  exit 93
fi

generations() {
  current=$(readlink "$profile" || :)
  echo "profile $profile"
  for link in "$profile"-*-link; do
    number=${link#"$profile"-}
    number=${number%-link}
    case $number in '' | *[!0-9]*) continue ;; esac
    [ -L "$link" ] || continue
    time=$(stat -c %Y "$link" 2>/dev/null || stat -f %m "$link" 2>/dev/null || echo 0)
    is=kept
    [ "$current" != "${link##*/}" ] || is=current
    echo "generation $number $time $(readlink "$link") $is"
  done
}

case $action in
switch)
  [ -d "${profile%/*}" ] || exit 92
  nix-env --profile "$profile" --set "$path" </dev/null >&2
  ;;
rollback)
  now=$(readlink "$profile")
  now=${now#"$name"-}
  now=${now%-link}
  older=
  for link in "$profile"-*-link; do
    number=${link#"$profile"-}
    number=${number%-link}
    case $number in '' | *[!0-9]*) continue ;; esac
    [ "$number" -ge "$now" ] || older=$number
  done
  [ -n "$older" ] || exit 94
  nix-env --profile "$profile" --rollback </dev/null >&2
  ;;
esac
generations
