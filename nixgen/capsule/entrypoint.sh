# The first process of the container. Whoever starts a capsule with a gate lets
# it go by a line.
if [ -n "${RIGX_GATE-}" ]; then
  IFS= read -r _ < "$RIGX_GATE" || { echo "rigx: the capsule's gate was closed before it was opened" >&2; exit 125; }
  unset RIGX_GATE
fi
