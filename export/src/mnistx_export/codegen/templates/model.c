/* {{ name }}: an image classifier, written by mnistx {{ version }} for target "{{ target }}". Plain C99; also C++. */
#include "{{ name }}.h"

#include <stddef.h>
{% if math %}
#include <math.h>
{% endif %}

#include "{{ name }}_certificate.h"

{% for each in constants %}
{{ each }}

{% endfor %}
{% for each in helpers %}
{{ each }}

{% endfor %}
{% for each in functions %}
{{ each }}

{% endfor %}
int {{ name }}_predict(const uint8_t *image, float *log_probs, void *workspace)
{
    if ((image == NULL) || (log_probs == NULL) || (workspace == NULL) || (((uintptr_t)workspace % 16u) != 0u)) {
        return {{ upper }}_BAD_ARGUMENT;
    }
{% if tensors %}
    uint8_t *const bytes = (uint8_t *)workspace;
{% endif %}
{% for type, label, offset in tensors %}
    {{ type }} *const {{ label }} = ({{ type }} *)(void *)(bytes + {{ offset }});
{% endfor %}
{% for call in calls %}

    /* {{ call.title }} */
    {{ call.function }}({{ call.arguments }});
{% endfor %}
    return {{ upper }}_OK;
}

int {{ name }}_argmax(const float *log_probs)
{
    int best = 0;
    for (int c = 1; c < {{ upper }}_CLASSES; c++) {
        best = (log_probs[c] > log_probs[best]) ? c : best;
    }
    return best;
}

#ifndef {{ upper }}_NO_SELFTEST
static int is_near(const float *a, const float *b, float tolerance)
{
    for (int c = 0; c < {{ upper }}_CLASSES; c++) {
        const float gap = (a[c] > b[c]) ? (a[c] - b[c]) : (b[c] - a[c]);
        if (!(gap <= tolerance)) {
            return 0;
        }
    }
    return 1;
}

int {{ name }}_selftest(void *workspace)
{
    float log_probs[{{ upper }}_CLASSES];
    for (int g = 0; g < GOLDEN_COUNT; g++) {
        const int status = {{ name }}_predict(golden_images[g], log_probs, workspace);
        if (status != {{ upper }}_OK) {
            return status;
        }
        if (!is_near(log_probs, golden_log_probs[g], golden_tolerances[g])) {
            return g + 1;
        }
    }
    return {{ upper }}_OK;
}
#endif
