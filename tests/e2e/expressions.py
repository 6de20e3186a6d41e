"""Random PromQL over the dataset of peer.py: well typed most of the time, spelled in odd ways."""

LABELS = {
    "desk": ["fx", "equities", "rates", "none"],
    "venue": ["lse", "nyse", ""],
    "status": ["filled", "rejected"],
    "kind": ["nan", "inf", "constant", "tiny", "huge", "both_inf", "largest", "cancel", "leap"],
    "at": ["early", "late", "once", "bursts", "resets", "starts", "ends"],
    "note": ["a.b|c", "héllo – 日本", 'a "quoted" \\ one\nline'],
    "owner": ["ana", "bo"],
    "le": ["0.1", "1", "+Inf", "nonsense"],
    "set": ["no_top", "shrinks", "nan", "only_top", "negative"],
}
METRICS = ["orders_total", "position", "price", "odd", "sparse", "edge", "irregular",
           "irregular_total", "text", "moment", "desk_info", "latency_seconds_bucket",
           "latency_seconds_count", "latency_seconds_sum", "broken_bucket", "nothing_here"]
METRIC_LABELS = {
    "orders_total": ["desk", "venue", "status"], "position": ["desk", "venue"],
    "price": ["desk", "venue"], "odd": ["kind"], "edge": ["kind"], "irregular": ["at"],
    "irregular_total": ["at"], "text": ["note"], "moment": ["kind"],
    "desk_info": ["desk", "owner"], "latency_seconds_bucket": ["desk", "venue", "le"],
    "latency_seconds_count": ["desk", "venue"], "latency_seconds_sum": ["desk", "venue"],
    "broken_bucket": ["le", "set"],
}
REGEXES = [".*", ".+", "f.*|rates", "(?i)FX", "e.*s", "[a-n].*", "", "fx|equities", "n[a-z]+e",
           "^fx$", "f(x|y)", ".", "..", "lse|", "(lse|nyse)", "[^f].*", "\\\\w+", "x{0}", "a*"]
RANGE_FUNCTIONS = ["rate", "increase", "irate", "delta", "idelta", "deriv", "changes", "resets",
                   "avg_over_time", "min_over_time", "max_over_time", "sum_over_time",
                   "count_over_time", "last_over_time", "present_over_time", "stddev_over_time",
                   "stdvar_over_time", "absent_over_time"]
# Newer than 2.42; some experimental.
NEW_RANGE_FUNCTIONS = ["first_over_time", "mad_over_time", "ts_of_min_over_time",
                       "ts_of_max_over_time", "ts_of_first_over_time", "ts_of_last_over_time"]
INSTANT_FUNCTIONS = ["abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sgn", "round",
                     "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh",
                     "acosh", "atanh", "deg", "rad", "timestamp", "minute", "hour", "day_of_week",
                     "day_of_month", "day_of_year", "days_in_month", "month", "year", "sort",
                     "sort_desc", "absent", "histogram_count", "histogram_sum"]
NEW_INSTANT_FUNCTIONS = ["histogram_avg", "histogram_stddev", "histogram_stdvar"]
AGGREGATIONS = ["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"]
ARITHMETIC = ["+", "-", "*", "/", "%", "^", "atan2"]
COMPARISON = ["==", "!=", "<", ">", "<=", ">="]
NUMBERS = ["0", "1", "2", "3", "10", "0.5", "-1", "1e3", "1E-3", ".5", "5.", "0x1F", "0XfF", "017",
           "NaN", "nan", "Inf", "+Inf", "-inf", "1e308", "1e-320", "600", "100", "1_000", "90",
           "9007199254740993", "0.1", "0.25", "1.5e-7", "-0"]
NEW_NUMBERS = ["5m", "1h30m", "1ms", "-1d", "2w"]
DURATIONS = ["15s", "30s", "45s", "1m", "90s", "2m", "4m", "5m", "10m", "1h", "1m30s", "100ms",
             "7s", "33s", "1h0m", "59m59s999ms"]
NEW_DURATIONS = ["60", "0x3c", "1m*2", "(30s+30)", "2m-45s", "1e2", "step()", "2*step()",
                 "max_of(1m,step())", "range()/4+1s"]


class Expressions:
    """A stream of expressions from one random.Random. With `new`, also what 2.42 refuses."""

    def __init__(self, random, new=False):
        self.random = random
        self.new = new

    def chance(self, share):
        return self.random.random() < share

    def pick(self, *lists):
        return self.random.choice([item for choices in lists for item in choices])

    def newer(self, items):
        return items if self.new else []

    # ---- spelling

    def gap(self):
        if self.chance(0.93):
            return self.random.choice(["", " ", " "])
        return self.random.choice(["\n", "\t ", "  ", " # a comment, with (brackets\n", "\r\n"])

    def word(self, text):
        """Keywords and operators in any case; functions know only one."""
        return self.pick([text.upper(), text.capitalize()]) if self.chance(0.05) else text

    def quote(self, text):
        style = self.random.random()
        if style < 0.1 and "`" not in text:
            return f"`{text}`"
        escaped = text.replace("\\", "\\\\").replace("\n", "\\n")
        if style < 0.25:
            return "'" + escaped.replace("'", "\\'") + "'"
        if style < 0.3:
            escaped = "".join(f"\\x{ord(c):02x}" if c.isalpha() and ord(c) < 128 and
                              self.chance(0.2) and "\\" not in text else c for c in escaped)
        return '"' + escaped.replace('"', '\\"') + '"'

    def number(self):
        return self.pick(NUMBERS, self.newer(NEW_NUMBERS))

    def duration(self):
        if self.new and self.chance(0.1):
            return self.random.choice(NEW_DURATIONS)
        return self.random.choice(DURATIONS)

    def label(self):
        return self.pick(list(LABELS) + ["nothing", "__name__"])

    def labels(self):
        items = [self.label() for _ in range(self.random.choice([0, 1, 1, 1, 2, 2, 3]))]
        tail = "," if items and self.chance(0.05) else ""
        return "(" + (self.gap() + ",").join(items) + tail + self.gap() + ")"

    # ---- selectors

    def matcher(self, metric):
        name = self.pick(METRIC_LABELS.get(metric, ["nothing"])) if self.chance(0.85) \
            else self.label()
        if self.chance(0.5):
            value = self.random.choice(LABELS.get(name, METRICS))
            operator = self.random.choice(["=", "=", "!="])
        else:
            value, operator = self.random.choice(REGEXES), self.random.choice(["=~", "=~", "!~"])
            value = value.replace("\\\\", "\\")
        return f"{name}{self.gap()}{operator}{self.gap()}{self.quote(value)}"

    def selector(self, metric=None):
        metric = metric or self.random.choice(METRICS)
        matchers = [self.matcher(metric) for _ in range(self.random.choice([0, 0, 0, 1, 1, 2]))]
        if self.chance(0.04):
            metric, matchers = "", matchers + ['__name__=~"' + self.random.choice(
                ["position|price", "orders_.*", "irregular.*", "odd|edge", "latency_.*m"]) + '"']
        elif self.chance(0.04):
            metric, matchers = "", [f'__name__="{metric}"'] + matchers
        elif self.new and self.chance(0.04):
            metric, matchers = "", [self.quote(metric)] + matchers
        if not matchers and metric:
            return metric + ("{}" if self.chance(0.05) else "")
        self.random.shuffle(matchers)
        tail = "," if self.chance(0.05) else ""
        return metric + self.gap() + "{" + (self.gap() + "," + self.gap()).join(matchers) + \
            tail + "}"

    def modifiers(self):
        parts = []
        if self.chance(0.12):
            sign = "-" if self.chance(0.25) else ""
            parts.append(f"{self.word('offset')} {sign}{self.duration()}")
        if self.chance(0.08):
            parts.append("@" + self.gap() + self.pick(
                ["start()", "end()", "{first}", "{middle}.25", "{middle}", "{last}.5", "0"]))
        self.random.shuffle(parts)
        return "".join(" " + part for part in parts)

    def matrix(self, depth):
        if depth > 0 and self.chance(0.2):
            step = self.random.choice(["", "15s", "1m", "7s", "30s", "2m"])
            inner = self.vector(depth - 1)
            if not inner.isidentifier():
                inner = f"({inner})"
            return f"{inner}[{self.duration()}:{step}]{self.modifiers()}"
        return f"{self.selector()}{self.gap()}[{self.duration()}]{self.modifiers()}"

    # ---- expressions

    def scalar(self, depth):
        kind = self.random.random()
        if depth <= 0 or kind < 0.6:
            return self.number()
        if kind < 0.7:
            return self.pick(["time()", "pi()"], self.newer(["step()", "range()", "start()"]))
        if kind < 0.85:
            return f"scalar({self.vector(depth - 1)})"
        if kind < 0.92:
            return f"-{self.scalar(depth - 1)}"
        operator = self.pick(ARITHMETIC + [c + " bool" for c in COMPARISON])
        return f"({self.scalar(depth - 1)} {operator} {self.scalar(depth - 1)})"

    def call(self, name, *arguments):
        return name + self.gap() + "(" + (self.gap() + "," + self.gap()).join(arguments) + \
            self.gap() + ")"

    def range_call(self, depth):
        kind = self.random.random()
        if kind < 0.85:
            return self.call(self.pick(RANGE_FUNCTIONS, self.newer(NEW_RANGE_FUNCTIONS)),
                             self.matrix(depth - 1))
        if kind < 0.92:
            return self.call("quantile_over_time", self.scalar(1), self.matrix(depth - 1))
        if self.new and kind < 0.94:
            return self.call("double_exponential_smoothing", self.matrix(depth - 1),
                             self.pick(["0.5", "0.1", "1"]), self.pick(["0.5", "0.9", "0"]))
        return self.call("predict_linear", self.matrix(depth - 1), self.scalar(1))

    def instant_call(self, depth):
        kind = self.random.random()
        vector = self.vector(depth - 1)
        if kind < 0.6:
            return self.call(self.pick(INSTANT_FUNCTIONS, self.newer(NEW_INSTANT_FUNCTIONS)),
                             vector)
        if kind < 0.7:
            return self.call(self.pick(["clamp_min", "clamp_max", "round"]), vector,
                             self.scalar(1))
        if kind < 0.75:
            return self.call("clamp", vector, self.scalar(1), self.scalar(1))
        if kind < 0.8:
            return self.call("vector", self.scalar(depth - 1))
        if kind < 0.84:
            return self.call(self.pick(["minute", "hour", "year", "day_of_week"]))
        if kind < 0.87 and self.new:
            return self.call(self.pick(["sort_by_label", "sort_by_label_desc"]), vector,
                             *[f'"{self.label()}"' for _ in range(self.random.choice([1, 2]))])
        return self.label_call(vector)

    def label_call(self, vector):
        target = self.pick(list(LABELS) + ["made", "__name__"])
        if self.chance(0.6):
            return self.call("label_replace", vector, self.quote(target), self.quote(self.pick(
                ["$1", "x-$1", "${1}y", "$0", "", "constant", "$$", "$2", "$name", "$1x"])),
                self.quote(self.label()), self.quote(self.pick(
                    ["(.*)", "(..).*", "f.*", "", ".*", "(?P<name>.*)s", "(.)(.*)", "nomatch"])))
        return self.call("label_join", vector, self.quote(target),
                         self.quote(self.pick(["-", "", ", "])),
                         *[self.quote(self.label()) for _ in range(self.random.choice([0, 1, 2]))])

    def histogram_call(self, depth):
        source = self.pick(["latency_seconds_bucket", "latency_seconds_bucket", "broken_bucket"])
        buckets = self.selector(source) + self.modifiers()
        if self.chance(0.5):
            buckets = f"rate({self.selector(source)}[{self.duration()}])"
        if self.chance(0.4):
            buckets = f"sum by (le{self.pick(['', ',desk', ',set'])}) ({buckets})"
        if self.chance(0.1):
            buckets = self.vector(depth - 1)
        if self.new and self.chance(0.3):
            return self.call("histogram_fraction", self.scalar(1), self.scalar(1), buckets)
        if self.new and self.chance(0.1):
            return self.call("histogram_quantiles", buckets, '"q"', "0.5", self.scalar(1))
        return self.call("histogram_quantile", self.scalar(1), buckets)

    def aggregation(self, depth):
        kind = self.random.random()
        vector = self.vector(depth - 1)
        if kind < 0.75:
            name, arguments = self.pick(AGGREGATIONS), [vector]
        else:
            name = self.pick(["topk", "bottomk", "quantile", "count_values"])
            first = self.scalar(1)
            if name == "count_values":
                first = self.quote(self.pick(["made", "desk", "kind"]))
            elif name != "quantile":
                # Which of several equal values are taken is nobody's promise.
                vector = self.selector(self.pick(["position", "price"]))
                first = self.pick(["1", "2", "3", "100", self.scalar(1)])
            arguments = [first, vector]
        inside = self.call("", *arguments)
        if self.chance(0.35):
            return self.word(name) + inside
        grouping = self.word(self.pick(["by", "without"])) + self.gap() + self.labels()
        if self.chance(0.5):
            return f"{self.word(name)} {grouping}{self.gap()}{inside}"
        return f"{self.word(name)}{inside} {grouping}"

    def operand(self, depth, operator):
        """A set operator takes no scalar."""
        if operator not in ("and", "or", "unless") and self.chance(0.25):
            return self.scalar(depth)
        return self.vector(depth)

    def binary(self, depth):
        operator = self.pick(ARITHMETIC, ARITHMETIC, COMPARISON, COMPARISON,
                             ["and", "or", "unless"] * 2,
                             self.newer(["</", ">/"]) if self.chance(0.05) else [])
        shape = self.random.random()
        left = self.operand(depth - 1, operator)
        right = self.operand(depth - 1, operator)
        if shape < 0.3:
            related = self.pick([["position", "price", "latency_seconds_count"],
                                 ["orders_total", "position", "desk_info"], ["odd", "edge", "odd"]])
            left, right = self.selector(self.pick(related)), self.selector(self.pick(related))
        if self.chance(0.4):
            left = f"({left})"
        if self.chance(0.4):
            right = f"({right})"
        text = self.word(operator)
        if operator in COMPARISON and self.chance(0.3):
            text += " " + self.word("bool")
        if self.chance(0.45):
            text += " " + self.word(self.pick(["on", "ignoring"])) + self.gap() + self.labels()
            if operator not in ("and", "or", "unless") and self.chance(0.4):
                text += " " + self.word(self.pick(["group_left", "group_right"]))
                text += self.labels() if self.chance(0.5) else " "
            if self.new and self.chance(0.05):
                text += " fill(0)"
        return f"{left} {text} {right}"

    def vector(self, depth):
        if depth <= 0 or self.chance(0.12):
            return self.selector() + self.modifiers()
        kind = self.random.random()
        if kind < 0.3:
            return self.range_call(depth)
        if kind < 0.48:
            return self.instant_call(depth)
        if kind < 0.68:
            return self.aggregation(depth)
        if kind < 0.9:
            return self.binary(depth)
        if kind < 0.95:
            return self.histogram_call(depth)
        if kind < 0.98:
            return f"({self.vector(depth - 1)})"
        return self.pick(["-", "+"]) + self.vector(depth - 1)

    def damage(self, text):
        """A few characters lost, doubled, moved or made up."""
        at = self.random.randrange(len(text) + 1)
        end = min(len(text), at + self.random.choice([1, 1, 2, 5]))
        kind = self.random.random()
        if kind < 0.35:
            return text[:at] + text[end:]
        if kind < 0.5:
            return text[:end] + text[at:]
        return text[:at] + self.pick(
            list("()[]{},:@\"'`=!~<>+-*/%^#._ 0123456789aesmhdwy\\\x00é"),
            [" by ", " on ", " bool ", " offset ", "[5m]", "[1m:]", "{}", "sum", "group_left",
             "and", "NaN", "rate", "@ end()", "\"x\"", "5m", "==", "=~", "1h"]) + text[end:]

    def next(self):
        kind = self.random.random()
        depth = self.random.choice([1, 2, 2, 3, 3, 4])
        if kind < 0.93:
            return self.vector(depth)
        if kind < 0.96:
            return self.scalar(depth)
        if kind < 0.98:
            return self.matrix(depth)
        return self.quote(self.pick(["text", "", "é", 'a"b']))
