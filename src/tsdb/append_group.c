/* What every append does: a group of log records under append_lock, which is held shortly (no disk
 * wait but the copy into the page cache). */
#include <stdio.h>
#include <stdlib.h>

#include "tsdb/store_int.h"

/* Waits, with append_lock, while the log holds more than may be replayed. */
static void wait_for_flush(struct tsdb *tsdb)
{
        while (tsdb->frozen_wal_bytes + tsdb->open_wal_bytes > tsdb->options.wal_replay_bytes &&
               tsdb->frozen_wal_bytes && !atomic_load(&tsdb->full))
                pthread_cond_wait(&tsdb->flushed, &tsdb->append_lock);
}

static bool refuse(struct tsdb *tsdb, struct error *err)
{
        atomic_fetch_add(&tsdb->append_failures, 1);
        return error_set(err, ERROR_FULL, "disk is full, samples are refused");
}

bool append_group_begin(struct tsdb *tsdb, struct append_group *group, struct error *err)
{
        pthread_mutex_lock(&tsdb->append_lock);
        wait_for_flush(tsdb);
        if (atomic_load(&tsdb->full)) {
                pthread_mutex_unlock(&tsdb->append_lock);
                return refuse(tsdb, err);
        }
        *group = (struct append_group){.next_series = atomic_load(&tsdb->next_series)};
        buf_clear(&tsdb->group);
        if (UNLIKELY(tsdb->logged_series < group->next_series))
                log_series(&tsdb->group, tsdb->index, tsdb->logged_series, group->next_series);
        return true;
}

bool append_group_write(struct tsdb *tsdb, struct append_group *group)
{
        struct error failure;

        if (!tsdb->group.len)
                return true;
        if (!wal_append(tsdb->wal, &tsdb->group, &group->position, &failure)) {
                if (failure.code == ERROR_FULL)
                        return false;
                fprintf(stderr, "fatal: write-ahead log: %s\n", failure.text);
                abort();
        }
        tsdb->logged_series = group->next_series;
        tsdb->open_wal_bytes += tsdb->group.len;
        return true;
}

/* One huge batch must not hold its scratch memory for ever. */
static void shrink(struct buf *buf)
{
        if (buf->capacity > GROUP_KEPT_BYTES)
                buf_release(buf);
}

bool append_group_end(struct tsdb *tsdb, const struct append_group *group, bool ok,
                      struct error *err)
{
        bool flush_due = tsdb->open_wal_bytes > tsdb->options.wal_replay_bytes / 2;

        shrink(&tsdb->group);
        shrink(&tsdb->records);
        pthread_mutex_unlock(&tsdb->append_lock);
        if (ok && group->position && tsdb->options.sync == TSDB_SYNC_ALWAYS)
                ok = wal_sync(tsdb->wal, group->position, NULL);
        if (!ok)
                store_set_full(tsdb, true);
        /* On a full disk it may make room: parts are smaller than the log. */
        if (!ok || flush_due)
                store_wake_flush(tsdb);
        return ok || refuse(tsdb, err);
}
