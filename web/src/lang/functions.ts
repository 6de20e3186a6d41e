// The words of PromQL, with what each does in one line.

export interface Word {
  name: string;
  signature: string;
  doc: string;
}

const words = (lines: string): Word[] => lines.trim().split('\n').map((line) => {
  const [signature, doc] = line.trim().split(' | ') as [string, string];
  return { name: /^\w+/.exec(signature)![0], signature, doc };
});

export const FUNCTIONS: readonly Word[] = words(`
abs(v instant) | absolute value
absent(v instant) | 1 if the vector is empty, else nothing
absent_over_time(v range) | 1 if the range has no samples at all, else nothing
acos(v instant) | arc cosine
acosh(v instant) | inverse hyperbolic cosine
asin(v instant) | arc sine
asinh(v instant) | inverse hyperbolic sine
atan(v instant) | arc tangent
atanh(v instant) | inverse hyperbolic tangent
avg_over_time(v range) | mean of the samples in the range
ceil(v instant) | rounds up to whole numbers
changes(v range) | how often the value changed
clamp(v instant, min, max) | limits values to [min, max]
clamp_max(v instant, max) | limits values to at most max
clamp_min(v instant, min) | limits values to at least min
cos(v instant) | cosine
cosh(v instant) | hyperbolic cosine
count_over_time(v range) | number of samples in the range
day_of_month(v instant) | day of the month, 1 to 31, of UTC times
day_of_week(v instant) | day of the week, 0 is Sunday
day_of_year(v instant) | day of the year, 1 to 366
days_in_month(v instant) | days the month has, 28 to 31
deg(v instant) | radians to degrees
delta(v range) | last minus first of a gauge, extrapolated to the range
deriv(v range) | per-second slope of a gauge by linear regression
double_exponential_smoothing(v range, sf, tf) | smoothed value with trend (experimental)
exp(v instant) | e to the power of the value
first_over_time(v range) | oldest sample in the range (experimental)
floor(v instant) | rounds down to whole numbers
histogram_avg(v instant) | mean of native histograms
histogram_count(v instant) | number of observations in native histograms
histogram_fraction(lower, upper, v instant) | share of observations between two bounds
histogram_quantile(q, v instant) | the q-quantile of histograms, 0 <= q <= 1
histogram_stddev(v instant) | standard deviation of native histograms
histogram_stdvar(v instant) | variance of native histograms
histogram_sum(v instant) | sum of observations in native histograms
hour(v instant) | hour of the day, 0 to 23, in UTC
idelta(v range) | difference of the last two samples
increase(v range) | growth of a counter over the range, extrapolated
info(v instant, {selector}) | adds the labels of matching info series (experimental)
irate(v range) | per-second growth of a counter by its last two samples
label_join(v instant, dst, sep, src...) | joins label values into one label
label_replace(v instant, dst, replacement, src, regex) | sets a label by matching another
last_over_time(v range) | newest sample in the range
ln(v instant) | natural logarithm
log10(v instant) | decimal logarithm
log2(v instant) | binary logarithm
mad_over_time(v range) | median absolute deviation (experimental)
max_over_time(v range) | largest sample in the range
min_over_time(v range) | smallest sample in the range
minute(v instant) | minute of the hour, 0 to 59
month(v instant) | month of the year, 1 to 12
pi() | the number pi
predict_linear(v range, seconds) | value the linear trend reaches in so many seconds
present_over_time(v range) | 1 for every series with a sample in the range
quantile_over_time(q, v range) | the q-quantile of the samples in the range
rad(v instant) | degrees to radians
rate(v range) | per-second growth of a counter over the range, resets handled
resets(v range) | how often a counter was reset
round(v instant, to) | rounds to the nearest multiple of to, 1 by default
scalar(v instant) | the value of a vector's only series
sgn(v instant) | sign: -1, 0 or 1
sin(v instant) | sine
sinh(v instant) | hyperbolic sine
sort(v instant) | sorts by value, smallest first
sort_by_label(v instant, label...) | sorts by label values (experimental)
sort_by_label_desc(v instant, label...) | sorts by label values, descending (experimental)
sort_desc(v instant) | sorts by value, largest first
sqrt(v instant) | square root
stddev_over_time(v range) | standard deviation of the samples in the range
stdvar_over_time(v range) | variance of the samples in the range
sum_over_time(v range) | sum of the samples in the range
tan(v instant) | tangent
tanh(v instant) | hyperbolic tangent
time() | evaluation time in seconds since 1970
timestamp(v instant) | time of each sample
ts_of_first_over_time(v range) | time of the oldest sample in the range (experimental)
ts_of_last_over_time(v range) | time of the newest sample in the range (experimental)
ts_of_max_over_time(v range) | time of the largest sample in the range (experimental)
ts_of_min_over_time(v range) | time of the smallest sample in the range (experimental)
vector(s scalar) | the number as a vector without labels
year(v instant) | year, in UTC
`);

export const AGGREGATIONS: readonly Word[] = words(`
avg(v instant) | mean over series
bottomk(k, v instant) | the k smallest series
count(v instant) | number of series
count_values(label, v instant) | number of series for each value
group(v instant) | 1 for each group
limit_ratio(r, v instant) | a fixed share r of the series (experimental)
limitk(k, v instant) | any k series (experimental)
max(v instant) | largest over series
min(v instant) | smallest over series
quantile(q, v instant) | the q-quantile over series
stddev(v instant) | standard deviation over series
stdvar(v instant) | variance over series
sum(v instant) | sum over series
topk(k, v instant) | the k largest series
`);

/** What may follow an operand. */
export const KEYWORDS: readonly Word[] = words(`
and | series that the other side has too
atan2 | arc tangent of left over right
bool | a comparison gives 0 or 1 instead of filtering
by | aggregate into groups with these labels
group_left | many series on the left match one on the right
group_right | one series on the left matches many on the right
ignoring | match series on all labels but these
offset | look this far back in time
on | match series on these labels
or | series of both sides
unless | series that the other side does not have
without | aggregate these labels away
`);

export const DURATIONS = ['30s', '1m', '5m', '15m', '30m', '1h', '6h', '1d', '7d'];
export const MATCH_OPERATORS = ['=', '!=', '=~', '!~'];
