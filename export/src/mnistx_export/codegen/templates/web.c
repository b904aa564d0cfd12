/* What the page calls of {{ name }}, all in memory that is WebAssembly's own. */
#include "{{ name }}{{ "_read" if reader else "" }}.h"

#include <stddef.h>

#define EXPORT(name) __attribute__((export_name(name)))
#define PAGE_BYTES 65536u

extern uint8_t __heap_base;

static uint8_t image[{{ upper }}_CHANNELS * {{ upper }}_HEIGHT * {{ upper }}_WIDTH];
static float log_probs[{{ upper }}_CLASSES];
static uint8_t workspace[{{ upper }}{{ "_READ" if reader else "" }}_WORKSPACE_BYTES] __attribute__((aligned(16)));
{% if finder %}
static int32_t places[8 * {{ upper }}_READ_MOST];
{% endif %}

EXPORT("image") uint8_t *image_of(void)
{
    return image;
}

EXPORT("log_probs") float *log_probs_of(void)
{
    return log_probs;
}

EXPORT("predict") int32_t predict(void)
{
    return {{ name }}_predict(image, log_probs, workspace);
}
{% if reader %}

/* Where a picture of so many bytes goes; null where there isn't enough memory. */
EXPORT("picture") uint8_t *picture_of(uint32_t bytes)
{
    const size_t needed = ((size_t)&__heap_base + bytes + PAGE_BYTES - 1u) / PAGE_BYTES;
    const size_t there = __builtin_wasm_memory_size(0);
    if ((needed > there) && (__builtin_wasm_memory_grow(0, needed - there) == (size_t)-1)) {
        return NULL;
    }
    return &__heap_base;
}

EXPORT("read") int32_t read_picture(int32_t width, int32_t height)
{
    return {{ name }}_read(&__heap_base, width, height, image, workspace);
}

EXPORT("reason") const char *reason_of(int32_t status)
{
    return {{ name }}_read_reason(status);
}
{% endif %}
{% if finder %}

EXPORT("places") int32_t *places_of(void)
{
    return places;
}

EXPORT("find") int32_t find_digits(int32_t width, int32_t height)
{
    return {{ name }}_find(&__heap_base, width, height, places, workspace);
}

EXPORT("read_part") int32_t read_part(int32_t digit, int32_t width)
{
    return {{ name }}_read_part(&__heap_base, width, places + (8 * digit) + 4, image, workspace);
}
{% endif %}
