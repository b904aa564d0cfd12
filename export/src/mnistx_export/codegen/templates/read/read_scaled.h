{% extends "read/pair.h" %}
{% block purpose %}makes of a picture{% endblock %}
{% block declaration %}
/* The image of a picture, scaled as mnistx_runtime's preprocess "resize" scales it: {{ mode }}, {{ interpolation }}.
 *
 * pixels: height x width pixels of {{ upper }}_CHANNELS bytes, 0 to 255, row by row{{ ", red, green and blue side by side" if channels == 3 else "" }}.
 * image: {{ upper }}_CHANNELS x {{ upper }}_HEIGHT x {{ upper }}_WIDTH bytes, written, channel by channel.
 * workspace: {{ upper }}_READ_WORKSPACE_BYTES bytes, aligned to 16, of any content; two calls at a time need one each.
 *
 * Returns {{ upper }}_READ_OK, or why there's no image. */
int {{ name }}_read(const uint8_t *pixels, int32_t width, int32_t height, uint8_t *image, void *workspace);
{% endblock %}
