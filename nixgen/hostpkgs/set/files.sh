# See files.nix.
for link in $links; do
  mkdir -p "$out${link#*=}"
  ln -sr "$out${link#*=}" "$out${link%%=*}"
done

# directory FILE: the one that it is in, without links. A sandbox shows those of
# the machine that are links as directories.
directory() {
  local dir=${1%/*}/ link
  for link in $links; do
    case $dir in "${link%%=*}"/*) dir=${link#*=}${dir#"${link%%=*}"} ;; esac
  done
  readlink -f "$dir"
}

declare -A seen
waiting=()

# take PATH: a file of the machine is copied, with the links that lead to it.
take() {
  local file=$1 dir
  while :; do
    dir=$(directory "$file")
    file=${dir%/}/${file##*/}
    case $file in "$store"/*) break ;; esac
    [ -e "$file" ] && [ ! -d "$file" ] && [ -z "${seen[$file]-}" ] || return 0
    seen[$file]=1
    mkdir -p "$out$dir"
    cp -P --no-preserve=ownership "$file" "$out$file"
    [ -L "$file" ] || break
    file=$(readlink "$file")
    case $file in /*) ;; *) file=$dir/$file ;; esac
  done
  waiting+=("$file")
}

# examine FILE: takes what it needs to run.
examine() {
  local magic="" line
  read -r -n 4 magic < "$1" 2>/dev/null || :
  case $magic in
    $'\x7fELF')
      while read -r line; do
        case $line in
          *' => /'*) line=${line#*=> } ;;
          /*) ;;
          *) continue ;;
        esac
        take "${line%% (*}"
      done < <("$ldd" "$1" 2>/dev/null || :)
      ;;
    '#!'*)
      read -r line < "$1" || :
      line=${line#'#!'}
      read -r line _ <<< "$line"
      case $line in /*) take "$line" ;; esac
      ;;
  esac
}

if [ -n "$foreignLibraries" ]; then
  for file in "$foreignLibraries"/lib/*.so*; do take "$file"; done
fi
while read -r path; do
  read -r _
  read -r count
  for ((; count > 0; count--)); do read -r _; done
  while read -r file; do
    if [ -L "$file" ]; then
      case $(readlink -f "$file") in
        "$store"/* | "") ;;
        *) file=$(readlink "$file"); case $file in /*) take "$file" ;; esac ;;
      esac
    else
      waiting+=("$file")
    fi
  done < <(find "$path" -type l -o -type f \( -perm -u+x -o -name '*.so*' \))
done < closure
while [ ${#waiting[@]} -gt 0 ]; do
  files=("${waiting[@]}")
  waiting=()
  for file in "${files[@]}"; do examine "$file"; done
done
chmod -R u+w "$out"
