/* formats/remote_write_wire_int.h - numbers of the fields of remote write's messages, and of the
 * types of metadata, for reading and writing. */
#ifndef FORMATS_REMOTE_WRITE_WIRE_INT_H
#define FORMATS_REMOTE_WRITE_WIRE_INT_H

#include "formats/histogram_wire_int.h"

enum {
        V1_REQUEST_SERIES = 1,
        V1_REQUEST_METADATA = 3,
        V1_SERIES_LABEL = 1,
        V1_SERIES_SAMPLE = 2,
        V1_SERIES_EXEMPLAR = 3,
        V1_SERIES_HISTOGRAM = 4,
        V1_METADATA_TYPE = 1,
        V1_METADATA_METRIC = 2,
        V1_METADATA_HELP = 4,
        V1_METADATA_UNIT = 5,
        LABEL_NAME = 1,
        LABEL_VALUE = 2,

        V2_REQUEST_SYMBOL = 4,
        V2_REQUEST_SERIES = 5,
        V2_SERIES_LABELS = 1,
        V2_SERIES_SAMPLE = 2,
        V2_SERIES_HISTOGRAM = 3,
        V2_SERIES_EXEMPLAR = 4,
        V2_SERIES_METADATA = 5,
        V2_SERIES_CREATED = 6, /* of drafts of 2.0; now every sample has its own */
        V2_METADATA_TYPE = 1,
        V2_METADATA_HELP = 3,
        V2_METADATA_UNIT = 4,

        SAMPLE_VALUE = 1,
        SAMPLE_TIMESTAMP = 2,
        SAMPLE_START = 3,
        EXEMPLAR_LABELS = 1,
        EXEMPLAR_VALUE = 2,
        EXEMPLAR_TIMESTAMP = 3,

        HISTOGRAM_COUNT_INT = 1,
        HISTOGRAM_COUNT_FLOAT = 2,
        HISTOGRAM_SUM = 3,
        HISTOGRAM_SCHEMA = 4,
        HISTOGRAM_ZERO_THRESHOLD = 5,
        HISTOGRAM_ZERO_INT = 6,
        HISTOGRAM_ZERO_FLOAT = 7,
        HISTOGRAM_RESET_HINT = 14,
        HISTOGRAM_TIMESTAMP = 15,
        HISTOGRAM_CUSTOM_VALUES = 16,
        HISTOGRAM_START = 17,
};

static const struct histogram_wire_side remote_write_negative = {8, 9, 10};
static const struct histogram_wire_side remote_write_positive = {11, 12, 13};

/* By number, in both versions. */
static const char *const remote_write_types[] = {"unknown",        "counter", "gauge", "histogram",
                                                 "gaugehistogram", "summary", "info",  "stateset"};

#endif
