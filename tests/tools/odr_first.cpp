// The first of two translation units with every header of the library: what is not inline collides.
#include "every_header.hpp"

int second_unit();

int main() {
    return second_unit();
}
