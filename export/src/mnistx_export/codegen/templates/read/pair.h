/* {{ name }}_read: {% block purpose %}{% endblock %} the image that {{ name }}_predict reads. Plain C99; also C++.
 * Written by mnistx {{ version }}; who has such images already needs neither this file nor {{ name }}_read.c. */
#ifndef {{ upper }}_READ_H
#define {{ upper }}_READ_H

#include "{{ name }}.h"

#define {{ upper }}_READ_LARGEST {{ largest }} /* pixels a side */
#define {{ upper }}_READ_WORKSPACE_BYTES {% block workspace %}{{ bytes }}{% endblock +%}

{% for reason in reasons %}
#define {{ upper }}_READ_{{ reason.name }} {{ reason.status if reason.status >= 0 else "(%d)" % reason.status }} /* {{ reason.text }} */
{% endfor %}

#ifdef __cplusplus
extern "C" {
#endif

{% block declaration %}{% endblock %}

/* What such a status means, as text. */
const char *{{ name }}_read_reason(int status);

#ifdef __cplusplus
}
#endif

#endif
