/* {{ name }}_read: makes of a picture the image that {{ name }}_predict reads. Plain C99; also C++.
 * Written by mnistx {{ version }}; who has such images already needs neither this file nor {{ name }}_read.c. */
#ifndef {{ upper }}_READ_H
#define {{ upper }}_READ_H

#include "{{ name }}.h"

#define {{ upper }}_READ_LARGEST {{ largest }} /* pixels a side */
#define {{ upper }}_READ_WORKSPACE_BYTES {{ bytes }}

{% for reason in reasons %}
#define {{ upper }}_READ_{{ reason.name }} {{ reason.status if reason.status >= 0 else "(%d)" % reason.status }} /* {{ reason.text }} */
{% endfor %}

#ifdef __cplusplus
extern "C" {
#endif

/* The image of a picture, scaled as mnistx_runtime's preprocess "resize" scales it: {{ mode }}, {{ interpolation }}.
 *
 * pixels: height x width pixels of {{ upper }}_CHANNELS bytes, 0 to 255, row by row{{ ", red, green and blue side by side" if channels == 3 else "" }}.
 * image: {{ upper }}_CHANNELS x {{ upper }}_HEIGHT x {{ upper }}_WIDTH bytes, written, channel by channel.
 * workspace: {{ upper }}_READ_WORKSPACE_BYTES bytes, aligned to 16, of any content; two calls at a time need one each.
 *
 * Returns {{ upper }}_READ_OK, or why there's no image. */
int {{ name }}_read(const uint8_t *pixels, int32_t width, int32_t height, uint8_t *image, void *workspace);

/* What such a status means, as text. */
const char *{{ name }}_read_reason(int status);

#ifdef __cplusplus
}
#endif

#endif
