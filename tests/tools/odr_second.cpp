// The second of two translation units with every header of the library.
#include "every_header.hpp"

int second_unit();

int second_unit() {
    return 0;
}
