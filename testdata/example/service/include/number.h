#pragma once

void number(int n);
