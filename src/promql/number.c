#include "promql/number_int.h"

#include <stdio.h>

#include "codec/double.h"

void number_append_go(struct buf *out, double v)
{
        char plain[DOUBLE_TEXT_MAX];
        size_t len, point, used;

        if (!(fabs(v) >= 1e6 && fabs(v) < 1e21)) {
                double_append(out, v, DOUBLE_G);
                return;
        }
        if (v < 0)
                buf_append_byte(out, '-');
        len = double_format(plain, fabs(v), DOUBLE_F);
        point = str_find_byte(str_make(plain, len), '.');
        if (point < len)
                memmove(plain + point, plain + point + 1, len-- - point);
        for (used = len; used > 1 && plain[used - 1] == '0'; used--)
                continue;
        buf_append_byte(out, plain[0]);
        if (used > 1) {
                buf_append_byte(out, '.');
                buf_append(out, plain + 1, used - 1);
        }
        buf_printf(out, "e+%02zu", point - 1);
}

double number_max(double a, double b)
{
        if (isinf(a) && a > 0)
                return a;
        if (isinf(b) && b > 0)
                return b;
        if (isnan(a) || isnan(b))
                return number_nan();
        if (a == 0 && b == 0)
                return signbit(a) ? b : a;
        return a > b ? a : b;
}

double number_min(double a, double b)
{
        if (isinf(a) && a < 0)
                return a;
        if (isinf(b) && b < 0)
                return b;
        if (isnan(a) || isnan(b))
                return number_nan();
        if (a == 0 && b == 0)
                return signbit(a) ? a : b;
        return a < b ? a : b;
}
