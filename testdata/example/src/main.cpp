#include <cctype>
#include <cstring>
#include <fstream>
#include <iostream>
#include <string>

#include "counter.h"
#include "greet.h"
#include "phrases.h"

int main(int argc, char **argv) {
    std::ofstream file;
    std::ostream *out = &std::cout;
    const char *who = "world";
    for (int i = 1; i < argc; i++) {
        if (std::strcmp(argv[i], "--out") == 0 && i + 1 < argc) {
            file.open(argv[++i]);
            out = &file;
        } else if (std::strcmp(argv[i], "--phrases") == 0) {
            for (const char *phrase : phrases) {
                std::cout << phrase << "\n";
            }
            return 0;
        } else {
            who = argv[i];
        }
    }
    std::string text = greet(who);
    if (LOUD) {
        for (char &c : text) {
            c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        }
    }
    *out << text << " (" << counter_next() << ")\n";
    return out->good() ? 0 : 1;
}
