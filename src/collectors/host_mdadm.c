/* Software RAID: /proc/mdstat, see the kernel's drivers/md/md.c:
 *
 *   md0 : active raid1 sdb1[1] sda1[0](F)
 *         1048576 blocks super 1.2 [2/1] [U_]
 *         [=>...................]  recovery =  8.5% (90112/1048576) finish=0.3min speed=45056K/sec
 *         bitmap: 0/1 pages [0KB], 65536KB chunk
 */
#include "collectors/host_int.h"

enum { LINES = 4 }; /* of an array: its own and what may follow */

static const char *const states[] = {"active", "inactive", "recovering", "resync", "check"};

struct array {
        struct str name;
        const char *state; /* one of states, or NULL */
        uint64_t required, active, failed, spare, down;
        uint64_t blocks, synced;
};

static uint64_t count_of(struct str text, struct str part)
{
        uint64_t count = 0;

        for (size_t i = 0; i + part.len <= text.len; i++)
                count += str_equal(str_slice(text, i, i + part.len), part);
        return count;
}

/* "[2/1] [U_]": required and active disks, one letter a disk. */
static bool read_disks(struct str status, struct array *array)
{
        for (size_t i = 0; i < status.len; i++) {
                struct str rest = str_slice(status, i, status.len), required, active;

                if (rest.data[0] != '[' || !str_cut(&rest, '/', &required) || !rest.data ||
                    !str_cut(&rest, ']', &active) || !rest.data ||
                    !host_parse_uint(str_slice(required, 1, required.len), &array->required) ||
                    !host_parse_uint(active, &array->active))
                        continue;
                array->down = count_of(rest, STR_LIT("_"));
                return true;
        }
        return false;
}

static bool read_status(const struct str *lines, struct array *array, struct error *err)
{
        struct str status = lines[1];

        if (!host_parse_uint(host_field(&status), &array->blocks))
                return error_set(err, ERROR_INVALID, "/proc/mdstat: no blocks of " STR_FMT,
                                 STR_ARG(array->name));
        if (str_contains(lines[0], STR_LIT("raid0")) || str_contains(lines[0], STR_LIT("linear")))
                array->required = array->active = count_of(lines[0], STR_LIT("["));
        else if (!str_contains(lines[0], STR_LIT("inactive")) && !read_disks(status, array))
                return error_set(err, ERROR_INVALID, "/proc/mdstat: no disks of " STR_FMT,
                                 STR_ARG(array->name));
        return true;
}

/* "recovery =  8.5% (90112/1048576)", or "resync=PENDING" and "resync=DELAYED". */
static bool read_sync(struct str line, struct array *array, struct error *err)
{
        struct str done;

        array->synced = array->blocks;
        if (str_contains(line, STR_LIT("recovery")))
                array->state = "recovering";
        else if (str_contains(line, STR_LIT("check")))
                array->state = "check";
        else if (str_contains(line, STR_LIT("resync")))
                array->state = "resync";
        else
                return true;
        array->synced = 0;
        if (str_contains(line, STR_LIT("PENDING")) || str_contains(line, STR_LIT("DELAYED")))
                return true;
        while (str_cut(&line, '(', &done))
                if (line.data && str_cut(&line, '/', &done) && line.data &&
                    host_parse_uint(done, &array->synced))
                        return true;
        return error_set(err, ERROR_INVALID, "/proc/mdstat: no progress of " STR_FMT,
                         STR_ARG(array->name));
}

static bool read_array(const struct str *lines, struct array *array, struct error *err)
{
        struct str line = lines[0], state;

        *array = (struct array){.name = host_field(&line)};
        host_field(&line);
        state = host_field(&line);
        for (size_t i = 0; i < ARRAY_LEN(states); i++)
                if (str_is(state, states[i]))
                        array->state = states[i];
        array->failed = count_of(lines[0], STR_LIT("(F)"));
        array->spare = count_of(lines[0], STR_LIT("(S)"));
        return read_status(lines, array, err) &&
               read_sync(str_contains(lines[2], STR_LIT("bitmap")) ? lines[3] : lines[2], array,
                         err);
}

static void add_labeled(struct host_table *out, const char *name, const char *help,
                        const struct array *array, const char *state, uint64_t v)
{
        struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);

        host_label(&labels, "device", array->name);
        if (state)
                host_label(&labels, "state", str_from(state));
        host_single(out, name, "gauge", help, labels.data, (double)v);
}

static void add_array(struct host_table *out, const struct array *array)
{
        const char *disks_help = "Number of active/failed/spare disks of device.";

        add_labeled(out, "node_md_blocks", "Total number of blocks on device.", array, NULL,
                    array->blocks);
        add_labeled(out, "node_md_blocks_synced", "Number of blocks synced on device.", array,
                    NULL, array->synced);
        add_labeled(out, "node_md_disks", disks_help, array, "active", array->active);
        add_labeled(out, "node_md_disks", disks_help, array, "failed", array->failed);
        add_labeled(out, "node_md_disks", disks_help, array, "spare", array->spare);
        add_labeled(out, "node_md_disks_required", "Total number of disks of device.", array,
                    NULL, array->required);
        for (size_t i = 0; i < ARRAY_LEN(states); i++)
                add_labeled(out, "node_md_state", "Indicates the state of md-device.", array,
                            states[i], array->state && !strcmp(array->state, states[i]));
}

bool host_collect_mdadm(struct host_table *out, struct error *err)
{
        struct buf text CLEANUP(buf_release) = {0};
        struct str rest, line;

        if (!host_read(&text, "/proc/mdstat", err))
                return false;
        rest = buf_str(&text);
        while (str_cut(&rest, '\n', &line)) {
                struct str lines[LINES] = {line}, ahead = rest;
                struct array array;

                if (!str_trim(line).len || line.data[0] == ' ' || line.data[0] == '\t' ||
                    str_starts_with(line, STR_LIT("Personalities")) ||
                    str_starts_with(line, STR_LIT("unused")))
                        continue;
                for (size_t i = 1; i < LINES; i++)
                        if (!str_cut(&ahead, '\n', &lines[i]))
                                lines[i] = STR_LIT("");
                if (!read_array(lines, &array, err))
                        return false;
                add_array(out, &array);
        }
        return true;
}
