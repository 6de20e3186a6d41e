/* What the simulated programs report: families, label sets and values. */
#include "fleet.h"

#include <math.h>
#include <stdio.h>

const struct fleet_family fleet_families[] = {
        {"orders_total", "counter", "Orders by what became of them.", FLEET_COUNTERS, 36, 0,
         {"desk", "side", "status", "strategy", "venue"}},
        {"fills_total", "counter", "Executions.", FLEET_COUNTERS, 36, 0,
         {"desk", "symbol", "venue"}},
        {"feed_messages_total", "counter", "Market data messages.", FLEET_COUNTERS, 28, 0,
         {"channel", "symbol", "venue"}},
        {"position_quantity", "gauge", "Net position.", FLEET_GAUGES, 37, 0,
         {"desk", "symbol", "venue"}},
        {"queue_depth", "gauge", "Messages waiting.", FLEET_GAUGES, 27, 1,
         {"channel", "symbol", "venue"}},
        {"margin_ratio", "gauge", "Margin used of margin granted.", FLEET_GAUGES, 18, 2,
         {"desk", "symbol"}},
        {"pool_bytes", "gauge", "Memory held by a pool.", FLEET_GAUGES, 18, 3,
         {"desk", "strategy"}},
        {"bid_price", "gauge", "Best bid.", FLEET_PRICES, 40, 0, {"symbol", "venue"}},
        {"ask_price", "gauge", "Best offer.", FLEET_PRICES, 40, 1, {"symbol", "venue"}},
        {"last_price", "gauge", "Last trade.", FLEET_PRICES, 20, 2, {"symbol", "venue"}},
        {"order_latency_seconds", "histogram", "From decision to acknowledgement.",
         FLEET_HISTOGRAMS, 100, 0, {"desk", "symbol", "venue"}},
};
const size_t fleet_family_count = ARRAY_LEN(fleet_families);

/* Parts per thousand of all series when a fleet has every kind. */
static const unsigned kind_shares[FLEET_KINDS] = {280, 220, 200, 300};

static const char *const kind_names[FLEET_KINDS] = {"counters", "gauges", "prices", "histograms"};
static const char *const roots[] = {"ES", "NQ", "ZN", "CL", "GC", "SI", "NG", "FESX", "FGBL",
                                    "BRN", "HG", "ZC", "ZS", "NKD", "EUR", "JPY"};
static const char *const jobs[] = {"gateway", "pricer", "router", "risk", "feed"};
static const char *const bounds[FLEET_BUCKETS] = {"1e-05", "2.5e-05", "5e-05", "0.0001", "0.00025",
                                                  "0.0005", "0.001", "0.0025", "0.005", "0.01",
                                                  "0.05", "0.25", "+Inf"};
/* Of all observations, how many fall between a bound and the one before: about log-normal. */
static const double weights[FLEET_BUCKETS] = {0.002, 0.018, 0.08, 0.2, 0.3, 0.2, 0.1,
                                              0.06, 0.02, 0.012, 0.006, 0.0015, 0.0005};

/* ---- numbers from nowhere -------------------------------------------------------------------- */

static uint64_t mix(uint64_t x)
{
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
        return x ^ (x >> 31);
}

/* Evenly in [0, 1). */
static double noise(uint64_t seed, int64_t n)
{
        return (double)(mix(seed + (uint64_t)n * 0x9e3779b97f4a7c15u) >> 11) * 0x1p-53;
}

/* The same, without jumps: a new value every `period_s`, straight lines between. */
static double drift(uint64_t seed, int64_t t_s, int64_t period_s)
{
        int64_t n = t_s / period_s;
        double from = noise(seed, n), to = noise(seed, n + 1);

        return from + (to - from) * (double)(t_s % period_s) / (double)period_s;
}

/* Moves as a random walk does: twice as long, the square root of two as far. About +-60. */
static double walk(uint64_t seed, int64_t t_s)
{
        double sum = 0;

        for (int octave = 0; octave < 12; octave++)
                sum += (drift(mix(seed + (uint64_t)octave), t_s, 1LL << octave) - 0.5) *
                       exp2(octave / 2.0);
        return sum;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* 2026-01-01: programs count from somewhere. */
static const int64_t counting_since_s = 1767225600;

/* Never falls: the slope of the drift is at most a third, and the jitter three fifths. */
static double counted(uint64_t seed, double rate, int64_t t_s)
{
        double t = (double)(t_s - counting_since_s);

        return rate * (t + 20 * drift(seed, t_s, 60) + 0.6 * noise(seed ^ 1, t_s));
}

/* From once in a quarter of an hour to thousands a second. */
static double rate_of(uint64_t seed)
{
        return pow(10, noise(seed, -1) * 6.5 - 3);
}

static double gauge_value(unsigned shape, uint64_t seed, int64_t t_s)
{
        switch (shape) {
        case 0: /* position: changes with every fill, some seconds apart */
                return 100 * round(walk(seed, t_s / 20) * noise(seed, -2));
        case 1: /* queue: mostly short */
                return floor(-log(1 - noise(seed, t_s)) * 3 * noise(seed, -2));
        case 2: /* ratio: all digits */
                return 0.5 + walk(seed, t_s) / 150 * noise(seed, -2);
        default: /* memory: pages, allocated now and then */
                return 4096 * round(1e4 + 100 * walk(seed, t_s / 30));
        }
}

static double price_value(unsigned shape, uint64_t seed, int64_t t_s)
{
        static const double scales[] = {1e2, 1e4, 1e5, 1e6};
        double ticks = floor(1e8 + noise(seed, -1) * 8e8), spread = 1 + floor(noise(seed, -3) * 9);

        /* The last trade is some seconds old and at either side. */
        if (shape == 2)
                t_s -= t_s % 5;
        ticks += round(40 * walk(seed, t_s));
        if (shape == 1 || (shape == 2 && noise(seed, t_s) < 0.5))
                ticks += spread;
        return ticks / scales[seed % ARRAY_LEN(scales)];
}

static double histogram_value(const struct fleet_series *series, int64_t t_s)
{
        double rate = 0.1 * rate_of(series->seed) + 0.01, sum = 0;
        unsigned last = series->part < FLEET_BUCKETS ? series->part : FLEET_BUCKETS - 1;

        if (series->part == FLEET_SUM)
                return counted(series->seed, rate * 0.0007, t_s);
        for (unsigned i = 0; i <= last; i++)
                sum += floor(counted(mix(series->seed + i), rate * weights[i], t_s));
        return sum;
}

double fleet_value(const struct fleet_series *series, int64_t t_s)
{
        switch (series->family->kind) {
        case FLEET_COUNTERS:
                return floor(counted(series->seed, rate_of(series->seed), t_s));
        case FLEET_GAUGES:
                return gauge_value(series->family->shape, series->seed, t_s);
        case FLEET_PRICES:
                return price_value(series->family->shape, series->seed, t_s);
        default:
                return histogram_value(series, t_s);
        }
}

/* ---- series ---------------------------------------------------------------------------------- */

unsigned fleet_kind_bit(const char *name)
{
        for (unsigned i = 0; i < FLEET_KINDS; i++)
                if (!strcmp(kind_names[i], name))
                        return 1u << i;
        return 0;
}

unsigned fleet_family_series(const struct fleet *fleet, const struct fleet_family *family)
{
        unsigned all = 0, count;

        if (!(fleet->kinds & 1u << family->kind))
                return 0;
        for (unsigned i = 0; i < FLEET_KINDS; i++)
                all += fleet->kinds & 1u << i ? kind_shares[i] : 0;
        count = (unsigned)((uint64_t)fleet->series_per_target * kind_shares[family->kind] *
                           family->share / (all * 100));
        if (family->kind == FLEET_HISTOGRAMS)
                count -= count % FLEET_HISTOGRAM_SERIES;
        return count;
}

struct fleet_series fleet_series_at(const struct fleet *fleet, const struct fleet_family *family,
                                    unsigned target, unsigned i)
{
        static const char *const names[] = {"order_latency_seconds_bucket",
                                            "order_latency_seconds_sum",
                                            "order_latency_seconds_count"};
        struct fleet_series series = {.family = family, .name = family->name, .target = target,
                                      .number = i};
        /* Bid, ask and last trade of one symbol move together. */
        uint64_t of = family->kind == FLEET_PRICES ? 0 : (uint64_t)(family - fleet_families) + 1;

        BUG_ON(target >= fleet->targets);
        if (family->kind == FLEET_HISTOGRAMS) {
                series.number = i / FLEET_HISTOGRAM_SERIES;
                series.part = i % FLEET_HISTOGRAM_SERIES;
                series.name = names[series.part < FLEET_BUCKETS ? 0
                                    : series.part == FLEET_SUM  ? 1 : 2];
        }
        series.seed = mix((of << 56) + ((uint64_t)target << 24) + series.number);
        return series;
}

static struct str symbol_text(unsigned n, struct arena *arena)
{
        return str_from(arena_printf(arena, "%s%c%u", roots[n % 16], "FGHJKMNQUVXZ"[n / 16 % 12],
                                     n / 192));
}

/* Labels of few values spell a series' number; symbol or strategy has what is left of it. */
static const struct dimension {
        const char *label;
        const char *values[8];
        unsigned count;
} dimensions[] = {
        {"venue", {"XLON", "XPAR", "XETR", "XNYS", "XNAS", "XCME", "XTKS", "XHKG"}, 8},
        {"side", {"buy", "sell"}, 2},
        {"status", {"new", "filled", "canceled", "rejected"}, 4},
        {"channel", {"incremental", "snapshot", "trades"}, 3},
};

static bool has_label(const struct fleet_family *family, const char *name)
{
        for (size_t i = 0; i < ARRAY_LEN(family->labels) && family->labels[i]; i++)
                if (!strcmp(family->labels[i], name))
                        return true;
        return false;
}

static void set_own_labels(struct labels_builder *builder, const struct fleet_series *series,
                           struct arena *arena)
{
        unsigned rest = series->number;

        for (size_t i = 0; i < ARRAY_LEN(dimensions); i++) {
                const struct dimension *dimension = &dimensions[i];

                if (!has_label(series->family, dimension->label))
                        continue;
                labels_builder_set(builder, str_from(dimension->label),
                                   str_from(dimension->values[rest % dimension->count]));
                rest /= dimension->count;
        }
        if (has_label(series->family, "desk"))
                labels_builder_set(builder, STR_LIT("desk"),
                                   str_from(arena_printf(arena, "desk-%02u",
                                                         series->target / 10)));
        if (has_label(series->family, "strategy"))
                labels_builder_set(builder, STR_LIT("strategy"),
                                   str_from(arena_printf(arena, "strategy-%u", rest)));
        /* Targets trade different symbols. */
        if (has_label(series->family, "symbol"))
                labels_builder_set(builder, STR_LIT("symbol"),
                                   symbol_text(rest + series->target % 8 * 16, arena));
}

uint32_t fleet_address(unsigned target)
{
        return 0x7f010000u + (target / 250 << 8) + target % 250 + 1;
}

struct labels fleet_labels(const struct fleet_series *series, bool scraped, struct arena *arena)
{
        struct labels_builder builder;
        uint32_t address = fleet_address(series->target);

        labels_builder_init(&builder, arena, (struct labels){0});
        labels_builder_set(&builder, LABEL_METRIC_NAME, str_from(series->name));
        set_own_labels(&builder, series, arena);
        if (series->family->kind == FLEET_HISTOGRAMS && series->part < FLEET_BUCKETS)
                labels_builder_set(&builder, STR_LIT("le"), str_from(bounds[series->part]));
        if (scraped) {
                labels_builder_set(&builder, STR_LIT("job"),
                                   str_from(jobs[series->target % ARRAY_LEN(jobs)]));
                labels_builder_set(&builder, STR_LIT("instance"),
                                   str_from(arena_printf(arena, "127.1.%u.%u:%d",
                                                         address >> 8 & 255, address & 255,
                                                         FLEET_PORT)));
        }
        return labels_builder_finish(&builder);
}

void fleet_append_text(struct buf *out, const struct fleet_series *series, struct labels labels)
{
        const char *before = "{";

        buf_append_cstr(out, series->name);
        for (size_t i = 0; i < labels.count; i++) {
                if (str_equal(labels.items[i].name, LABEL_METRIC_NAME))
                        continue;
                buf_printf(out, "%s" STR_FMT "=\"" STR_FMT "\"", before,
                           STR_ARG(labels.items[i].name), STR_ARG(labels.items[i].value));
                before = ",";
        }
        buf_append_cstr(out, "} ");
}
