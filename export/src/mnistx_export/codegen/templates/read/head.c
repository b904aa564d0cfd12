/* {{ name }}_read: finds the digit in a picture and makes the image that {{ name }}_predict reads. Plain C99; also C++.
 * Written by mnistx {{ version }}. It does what docs/digit-reader.md of mnistx says, step by step. */
#include "{{ name }}_read.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define READER_BYTES {{ bytes }}
