/* {{ name }}_read: finds the digit in a picture and makes the image that {{ name }}_predict reads. Plain C99; also C++.
 * Written by mnistx {{ version }}; who has such images already needs neither this file nor {{ name }}_read.c. */
#ifndef {{ upper }}_READ_H
#define {{ upper }}_READ_H

#include "{{ name }}.h"

#define {{ upper }}_READ_LARGEST {{ largest }} /* pixels a side */
#define {{ upper }}_READ_WORKSPACE_BYTES ({{ bytes }} + {{ upper }}_WORKSPACE_BYTES)

{% for reason in reasons %}
#define {{ upper }}_READ_{{ reason.name }} {{ reason.status if reason.status >= 0 else "(%d)" % reason.status }} /* {{ reason.text }} */
{% endfor %}

#ifdef __cplusplus
extern "C" {
#endif

/* The image of the digit in a picture, as mnistx_runtime's preprocess "mnist-digit" (version {{ reader_version }}) makes it.
 *
 * grey: height x width pixels, 0 to 255, row by row; ink darker or lighter than its ground. Larger pictures are averaged
 * down by whole blocks to at most 256 pixels a side, so that memory doesn't grow with them.
 * image: {{ upper }}_HEIGHT x {{ upper }}_WIDTH bytes, written; of no meaning where there is no digit.
 * workspace: {{ upper }}_READ_WORKSPACE_BYTES bytes, aligned to 16, of any content; two calls at a time need one each.
 *
 * Where the ink may be cut in several ways, {{ name }}_predict is asked which is most probable, in the same workspace.
 *
 * Returns {{ upper }}_READ_OK, or why there's no image. */
int {{ name }}_read(const uint8_t *grey, int32_t width, int32_t height, uint8_t *image, void *workspace);

/* What such a status means, as text. */
const char *{{ name }}_read_reason(int status);

#ifdef __cplusplus
}
#endif

#endif
