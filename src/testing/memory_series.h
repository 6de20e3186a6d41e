/* testing/memory_series.h - a metrics store in memory: both seams of model/series.h, for tests.
 *
 * Keeps everything until it is freed. Samples of a series must come in time order. Reading is
 * safe from several threads while nothing is written.
 */
#ifndef TESTING_MEMORY_SERIES_H
#define TESTING_MEMORY_SERIES_H

#include "model/series.h"

struct memory_series;

struct memory_series *memory_series_new(void);
struct memory_series *memory_series_free(struct memory_series *store); /* takes NULL */

struct series_source memory_series_source(struct memory_series *store);
struct series_sink memory_series_sink(struct memory_series *store);

#endif
