#include <stdio.h>

#include "number.h"

int main(void) {
    char line[4096];
    for (int n = 1; fgets(line, sizeof line, stdin); n++) {
        number(n);
        fputs(line, stdout);
    }
    return 0;
}
