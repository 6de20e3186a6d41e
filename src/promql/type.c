#include "promql/promql.h"

const char *promql_type_name(enum promql_type type)
{
        static const char *const names[] = {"scalar", "string", "vector", "matrix"};

        return names[type];
}
