import std/os

let who = if paramCount() > 0: paramStr(1) else: "world"
echo "Hello, ", who, "!"
