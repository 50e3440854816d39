# Runs the entrypoint and the services beside it, with nothing but bash: PATH may
# be empty. The arguments are those of the entrypoint; $services are names and
# commands in turn. The first process of a container is deaf to signals that it
# does not handle, so this one is it, and hands them on.

# pause SECONDS
pause() { read -rt "$1" <> <(:) || :; }

# start COMMAND ARGUMENTS… is for the background: it becomes the command. Signals
# that bash has such commands ignore are theirs again.
start() {
  trap - INT QUIT TERM HUP
  exec "$bash" -c "$@"
}

# supervise NAME COMMAND keeps a service running, and waits the longer the more
# often it ended at once.
supervise() {
  local child started status delay=0
  trap 'kill -TERM "$child" 2>/dev/null; wait "$child"; exit 0' TERM
  while :; do
    started=$SECONDS
    start "$2" "$1" < /dev/null &
    child=$!
    status=0
    wait "$child" || status=$?
    if ((SECONDS - started >= 10)); then delay=0; fi
    echo "rigx: the service $1 ended with status $status and is started again" >&2
    pause "$delay.1"
    if ((delay < 5)); then delay=$((delay + 1)); fi
  done
}

supervisors=()
for ((i = 0; i < ${#services[@]}; i += 2)); do
  supervise "${services[i]}" "${services[i + 1]}" &
  supervisors+=($!)
done

start "$entrypoint" "$slug" "$@" <&0 &
main=$!
trap 'kill -TERM "$main" 2>/dev/null' TERM
# A terminal has told all of them already.
trap '[ -t 0 ] || kill -INT "$main" 2>/dev/null' INT
trap 'kill -HUP "$main" 2>/dev/null' HUP
# A signal ends the wait before the process ends.
status=0
while :; do
  wait "$main" || status=$?
  kill -0 "$main" 2>/dev/null || break
  status=0
done
[ ${#supervisors[@]} -gt 0 ] || exit "$status"
kill -TERM "${supervisors[@]}" 2>/dev/null
# Those that take longer are killed by the kernel, with the container.
for ((i = 0; i < 30; i++)); do
  kill -0 "${supervisors[@]}" 2>/dev/null || break
  pause 0.1
done
exit "$status"
