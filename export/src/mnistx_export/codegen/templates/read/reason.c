const char *{{ name }}_read_reason(int status)
{
    switch (status) {
{% for reason in reasons %}
    case {{ upper }}_READ_{{ reason.name }}:
        return {{ reason.literal }};
{% endfor %}
    default:
        return {{ unknown }};
    }
}
