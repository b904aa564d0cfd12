/* {{ name }}_read: makes of a picture the image that {{ name }}_predict reads. Plain C99; also C++.
 * Written by mnistx {{ version }}. */
#include "{{ name }}_read.h"

#include <stddef.h>
#include <string.h>

#define READER_BYTES {{ bytes }}
