const std = @import("std");

// printf is libc's, whose name has not changed between releases of Zig.
extern fn printf(format: [*:0]const u8, ...) c_int;

pub export fn main(argc: c_int, argv: [*][*:0]const u8) c_int {
    const who: [*:0]const u8 = if (argc > 1) argv[1] else "world";
    _ = printf("Hello, %s!\n", who);
    return 0;
}
