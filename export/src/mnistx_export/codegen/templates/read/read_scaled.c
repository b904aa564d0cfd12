/* Where a crop begins along a side, below 0 where it begins outside: rounded half to even inside. */
static int32_t start_of_crop(int32_t scaled, int32_t cropped)
{
    const int32_t rest = scaled - cropped;
    if (rest < 0) {
        return -((-rest) / 2);
    }
    return (rest / 2) + (((rest % 4) == 3) ? 1 : 0);
}

int {{ name }}_read(const uint8_t *pixels, int32_t width, int32_t height, uint8_t *image, void *workspace)
{
    if ((pixels == NULL) || (image == NULL) || (workspace == NULL) || (((uintptr_t)workspace % 16u) != 0u) ||
        (width < 1) || (height < 1)) {
        return {{ upper }}_READ_BAD_ARGUMENT;
    }
    if (larger(width, height) > {{ upper }}_READ_LARGEST) {
        return {{ upper }}_READ_TOO_LARGE;
    }
{% if mode == "exact" %}
    const int32_t columns = {{ upper }}_WIDTH;
    const int32_t rows = {{ upper }}_HEIGHT;
{% else %}
    const int32_t longer = (int32_t)(((double){{ size }} * (double)larger(width, height)) / (double)smaller(width, height));
    const int32_t columns = (width <= height) ? {{ size }} : longer;
    const int32_t rows = (width <= height) ? longer : {{ size }};
    if ((longer > 262144) || (((double)columns * (double)larger(rows, height)) > 178956970.0)) {
        return {{ upper }}_READ_TOO_LARGE; /* so narrow that Python doesn't hold it either */
    }
{% endif %}
    const int32_t left = start_of_crop(columns, {{ upper }}_WIDTH);
    const int32_t top = start_of_crop(rows, {{ upper }}_HEIGHT);
    const int32_t first_column = larger(left, 0);
    const int32_t first_row = larger(top, 0);
    const int32_t past_column = smaller(columns, left + {{ upper }}_WIDTH);
    const int32_t past_row = smaller(rows, top + {{ upper }}_HEIGHT);
    const int32_t wide = past_column - first_column;
    const int32_t high = past_row - first_row;
    scaler *const s = (scaler *)workspace;
    const ptrdiff_t pixel = {{ upper }}_CHANNELS;
    const steps across = {pixel, pixel * width, 1};
    const steps down = {pixel * width, pixel, 1};
    const ptrdiff_t plane = (ptrdiff_t){{ upper }}_HEIGHT * {{ upper }}_WIDTH;
    const steps image_across = {1, {{ upper }}_WIDTH, plane};
    const steps image_down = {image_across.across, 1, plane};
    uint8_t *const target = image + ((ptrdiff_t)(first_row - top) * {{ upper }}_WIDTH) + (first_column - left);
    memset(image, 0, (size_t)(plane * pixel));
    if (((height - rows) > 0) && ((height - rows) > ((width - columns) * 2))) {
        scale_side(s, pixels, down, height, width, s->middle, down, rows, first_row, past_row);
        scale_side(s, s->middle, across, width, high, target, image_across, columns, first_column, past_column);
    } else {
        const steps middle_across = {pixel, pixel * wide, 1};
        const steps middle_down = {pixel * wide, pixel, 1};
        scale_side(s, pixels, across, width, height, s->middle, middle_across, columns, first_column, past_column);
        scale_side(s, s->middle, middle_down, height, wide, target, image_down, rows, first_row, past_row);
    }
    return {{ upper }}_READ_OK;
}
