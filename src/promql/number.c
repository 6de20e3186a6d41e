#include "promql/number_int.h"

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
