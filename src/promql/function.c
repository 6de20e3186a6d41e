#include "promql/function_int.h"

/* Short names for the types, so that a signature fits a line. */
#define S PROMQL_SCALAR
#define T PROMQL_STRING
#define V PROMQL_VECTOR
#define M PROMQL_MATRIX

/* name, argument types, their number, variadic, result, experimental; in alphabetical order. */
static const struct function functions[FUNCTION_COUNT] = {
        [FUNCTION_ABS] = {"abs", {V}, 1, 0, V},
        [FUNCTION_ABSENT] = {"absent", {V}, 1, 0, V},
        [FUNCTION_ABSENT_OVER_TIME] = {"absent_over_time", {M}, 1, 0, V},
        [FUNCTION_ACOS] = {"acos", {V}, 1, 0, V},
        [FUNCTION_ACOSH] = {"acosh", {V}, 1, 0, V},
        [FUNCTION_ASIN] = {"asin", {V}, 1, 0, V},
        [FUNCTION_ASINH] = {"asinh", {V}, 1, 0, V},
        [FUNCTION_ATAN] = {"atan", {V}, 1, 0, V},
        [FUNCTION_ATANH] = {"atanh", {V}, 1, 0, V},
        [FUNCTION_AVG_OVER_TIME] = {"avg_over_time", {M}, 1, 0, V},
        [FUNCTION_CEIL] = {"ceil", {V}, 1, 0, V},
        [FUNCTION_CHANGES] = {"changes", {M}, 1, 0, V},
        [FUNCTION_CLAMP] = {"clamp", {V, S, S}, 3, 0, V},
        [FUNCTION_CLAMP_MAX] = {"clamp_max", {V, S}, 2, 0, V},
        [FUNCTION_CLAMP_MIN] = {"clamp_min", {V, S}, 2, 0, V},
        [FUNCTION_COS] = {"cos", {V}, 1, 0, V},
        [FUNCTION_COSH] = {"cosh", {V}, 1, 0, V},
        [FUNCTION_COUNT_OVER_TIME] = {"count_over_time", {M}, 1, 0, V},
        [FUNCTION_DAY_OF_MONTH] = {"day_of_month", {V}, 1, 1, V},
        [FUNCTION_DAY_OF_WEEK] = {"day_of_week", {V}, 1, 1, V},
        [FUNCTION_DAY_OF_YEAR] = {"day_of_year", {V}, 1, 1, V},
        [FUNCTION_DAYS_IN_MONTH] = {"days_in_month", {V}, 1, 1, V},
        [FUNCTION_DEG] = {"deg", {V}, 1, 0, V},
        [FUNCTION_DELTA] = {"delta", {M}, 1, 0, V},
        [FUNCTION_DERIV] = {"deriv", {M}, 1, 0, V},
        [FUNCTION_DOUBLE_EXPONENTIAL_SMOOTHING] =
                {"double_exponential_smoothing", {M, S, S}, 3, 0, V, true},
        [FUNCTION_END] = {"end", {}, 0, 0, S, true},
        [FUNCTION_EXP] = {"exp", {V}, 1, 0, V},
        [FUNCTION_FIRST_OVER_TIME] = {"first_over_time", {M}, 1, 0, V},
        [FUNCTION_FLOOR] = {"floor", {V}, 1, 0, V},
        [FUNCTION_HISTOGRAM_AVG] = {"histogram_avg", {V}, 1, 0, V},
        [FUNCTION_HISTOGRAM_COUNT] = {"histogram_count", {V}, 1, 0, V},
        [FUNCTION_HISTOGRAM_FRACTION] = {"histogram_fraction", {S, S, V}, 3, 0, V},
        [FUNCTION_HISTOGRAM_QUANTILE] = {"histogram_quantile", {S, V}, 2, 0, V},
        [FUNCTION_HISTOGRAM_QUANTILES] = {"histogram_quantiles", {V, T, S, S}, 4, 9, V, true},
        [FUNCTION_HISTOGRAM_STDDEV] = {"histogram_stddev", {V}, 1, 0, V},
        [FUNCTION_HISTOGRAM_STDVAR] = {"histogram_stdvar", {V}, 1, 0, V},
        [FUNCTION_HISTOGRAM_SUM] = {"histogram_sum", {V}, 1, 0, V},
        [FUNCTION_HOUR] = {"hour", {V}, 1, 1, V},
        [FUNCTION_IDELTA] = {"idelta", {M}, 1, 0, V},
        [FUNCTION_INCREASE] = {"increase", {M}, 1, 0, V},
        [FUNCTION_INFO] = {"info", {V, V}, 2, 1, V, true},
        [FUNCTION_IRATE] = {"irate", {M}, 1, 0, V},
        [FUNCTION_LABEL_JOIN] = {"label_join", {V, T, T, T}, 4, -1, V},
        [FUNCTION_LABEL_REPLACE] = {"label_replace", {V, T, T, T, T}, 5, 0, V},
        [FUNCTION_LAST_OVER_TIME] = {"last_over_time", {M}, 1, 0, V},
        [FUNCTION_LN] = {"ln", {V}, 1, 0, V},
        [FUNCTION_LOG10] = {"log10", {V}, 1, 0, V},
        [FUNCTION_LOG2] = {"log2", {V}, 1, 0, V},
        [FUNCTION_MAD_OVER_TIME] = {"mad_over_time", {M}, 1, 0, V, true},
        [FUNCTION_MAX_OF] = {"max_of", {S, S}, 2, 0, S, true},
        [FUNCTION_MAX_OVER_TIME] = {"max_over_time", {M}, 1, 0, V},
        [FUNCTION_MIN_OF] = {"min_of", {S, S}, 2, 0, S, true},
        [FUNCTION_MIN_OVER_TIME] = {"min_over_time", {M}, 1, 0, V},
        [FUNCTION_MINUTE] = {"minute", {V}, 1, 1, V},
        [FUNCTION_MONTH] = {"month", {V}, 1, 1, V},
        [FUNCTION_PI] = {"pi", {}, 0, 0, S},
        [FUNCTION_PREDICT_LINEAR] = {"predict_linear", {M, S}, 2, 0, V},
        [FUNCTION_PRESENT_OVER_TIME] = {"present_over_time", {M}, 1, 0, V},
        [FUNCTION_QUANTILE_OVER_TIME] = {"quantile_over_time", {S, M}, 2, 0, V},
        [FUNCTION_RAD] = {"rad", {V}, 1, 0, V},
        [FUNCTION_RANGE] = {"range", {}, 0, 0, S, true},
        [FUNCTION_RATE] = {"rate", {M}, 1, 0, V},
        [FUNCTION_RESETS] = {"resets", {M}, 1, 0, V},
        [FUNCTION_ROUND] = {"round", {V, S}, 2, 1, V},
        [FUNCTION_SCALAR] = {"scalar", {V}, 1, 0, S},
        [FUNCTION_SGN] = {"sgn", {V}, 1, 0, V},
        [FUNCTION_SIN] = {"sin", {V}, 1, 0, V},
        [FUNCTION_SINH] = {"sinh", {V}, 1, 0, V},
        [FUNCTION_SORT] = {"sort", {V}, 1, 0, V},
        [FUNCTION_SORT_BY_LABEL] = {"sort_by_label", {V, T}, 2, -1, V, true},
        [FUNCTION_SORT_BY_LABEL_DESC] = {"sort_by_label_desc", {V, T}, 2, -1, V, true},
        [FUNCTION_SORT_DESC] = {"sort_desc", {V}, 1, 0, V},
        [FUNCTION_SQRT] = {"sqrt", {V}, 1, 0, V},
        [FUNCTION_START] = {"start", {}, 0, 0, S, true},
        [FUNCTION_START_TIMESTAMP] = {"start_timestamp", {V}, 1, 0, V, true},
        [FUNCTION_STDDEV_OVER_TIME] = {"stddev_over_time", {M}, 1, 0, V},
        [FUNCTION_STDVAR_OVER_TIME] = {"stdvar_over_time", {M}, 1, 0, V},
        [FUNCTION_STEP] = {"step", {}, 0, 0, S, true},
        [FUNCTION_SUM_OVER_TIME] = {"sum_over_time", {M}, 1, 0, V},
        [FUNCTION_TAN] = {"tan", {V}, 1, 0, V},
        [FUNCTION_TANH] = {"tanh", {V}, 1, 0, V},
        [FUNCTION_TIME] = {"time", {}, 0, 0, S},
        [FUNCTION_TIMESTAMP] = {"timestamp", {V}, 1, 0, V},
        [FUNCTION_TS_OF_FIRST_OVER_TIME] = {"ts_of_first_over_time", {M}, 1, 0, V, true},
        [FUNCTION_TS_OF_LAST_OVER_TIME] = {"ts_of_last_over_time", {M}, 1, 0, V, true},
        [FUNCTION_TS_OF_MAX_OVER_TIME] = {"ts_of_max_over_time", {M}, 1, 0, V, true},
        [FUNCTION_TS_OF_MIN_OVER_TIME] = {"ts_of_min_over_time", {M}, 1, 0, V, true},
        [FUNCTION_VECTOR] = {"vector", {S}, 1, 0, V},
        [FUNCTION_YEAR] = {"year", {V}, 1, 1, V},
};

const struct function *function_find(struct str name)
{
        size_t low = 0, high = ARRAY_LEN(functions);

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = str_compare(str_from(functions[middle].name), name);

                if (order == 0)
                        return &functions[middle];
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return NULL;
}

enum function_kind function_kind(const struct function *function)
{
        return (enum function_kind)(function - functions);
}

bool function_uses_time(enum function_kind kind)
{
        switch (kind) {
        case FUNCTION_DAY_OF_MONTH:
        case FUNCTION_DAY_OF_WEEK:
        case FUNCTION_DAY_OF_YEAR:
        case FUNCTION_DAYS_IN_MONTH:
        case FUNCTION_HOUR:
        case FUNCTION_MINUTE:
        case FUNCTION_MONTH:
        case FUNCTION_PREDICT_LINEAR:
        case FUNCTION_TIME:
        case FUNCTION_TIMESTAMP:
        case FUNCTION_YEAR:
                return true;
        default:
                return false;
        }
}

size_t promql_function_count(void)
{
        return FUNCTION_COUNT;
}

struct promql_function_info promql_function_at(size_t index)
{
        BUG_ON(index >= FUNCTION_COUNT);
        return (struct promql_function_info){functions[index].name,
                                             functions[index].experimental};
}
