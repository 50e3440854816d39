#include "number.h"

#include <stdio.h>

void number(int n) { printf("%d: ", n); }
