{% extends "read/pair.h" %}
{% block purpose %}finds the digit in a picture and makes{% endblock %}
{% block workspace %}({{ bytes }} + {{ upper }}_WORKSPACE_BYTES){% endblock %}
{% block declaration %}
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

#define {{ upper }}_READ_MOST 64
#define {{ upper }}_READ_TOO_MANY (-3)

/* The digits of a picture that holds several, in reading order. Their height should be a tenth of the picture's longer
 * side or more: they are looked for on at most 256 pixels a side.
 *
 * places: 8 x {{ upper }}_READ_MOST numbers; of each digit 8 are written: left, top, right and bottom of its ink, and
 * those of the part of the picture to hand to {{ name }}_read_part, which ends where the next digit begins.
 *
 * Returns how many there are, 0 where there's no ink, {{ upper }}_READ_TOO_MANY, or another status below 0. */
int {{ name }}_find(const uint8_t *grey, int32_t width, int32_t height, int32_t *places, void *workspace);

/* What {{ name }}_read does, of a part of a picture that is `width` wide: left, top, right, bottom. */
int {{ name }}_read_part(const uint8_t *grey, int32_t width, const int32_t *place, uint8_t *image, void *workspace);
{% endblock %}
