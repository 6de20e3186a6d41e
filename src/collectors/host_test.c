/* The host collectors on a tree of files, whole and broken.
 *
 * host_test --render <proc> <sys> prints what they make of such a tree; tests/e2e/host_test.py
 * compares that with Debian's exporter on the same tree. */
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/thread.h"
#include "collectors/host.h"
#include "collectors/host_int.h"
#include "testing/unit.h"

enum { FILES_MAX = 2000, ROUNDS = 60, OUT_MAX_BYTES = 64 << 20 };

struct tree_file {
        const char *path;
        struct str content;
        bool is_broken;
};

static char root[64], proc_root[128], sys_root[128];
static struct buf tree_text = {.max_bytes = 1 << 20};
static struct tree_file files[FILES_MAX];
static size_t file_count;
static struct arena arena = {.limit_bytes = 64 << 20};
static uint64_t random_state = 88172645463325252u;

static uint64_t random_below(uint64_t limit)
{
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        return random_state % limit;
}

/* The path below the root, whose directory is made. */
static const char *path_of(struct str path)
{
        const char *full = arena_printf(&arena, "%s/" STR_FMT, root, STR_ARG(path));
        struct str dir = str_make(full, (size_t)(strrchr(full, '/') - full));
        struct error err;

        assert_ok(dir_make(arena_str(&arena, dir).data, &err), err);
        return full;
}

/* A new file each time: ext4 writes a file that is emptied and filled again to the disk at once. */
static void write_file(const char *path, const void *data, size_t len)
{
        FILE *file;

        unlink(path);
        file = fopen(path, "w");

        assert_non_null(file);
        assert_int_equal(fwrite(data, 1, len, file), len);
        assert_int_equal(fclose(file), 0);
}

static void add_file(struct str path, struct str content)
{
        assert_true(file_count < FILES_MAX);
        files[file_count++] = (struct tree_file){path_of(path), content, .is_broken = true};
}

/* See tests/host_fixture/README.md for the form. */
static void read_tree(void)
{
        const char *source = getenv("PITWALL_SOURCE_ROOT");
        struct str rest, line, path;
        struct error err;
        char name[512];

        snprintf(name, sizeof(name), "%s/tests/host_fixture/tree.txt", source ? source : ".");
        assert_ok(file_read_all(name, &tree_text, &err), err);
        rest = buf_str(&tree_text);
        while (str_cut(&rest, '\n', &line) && line.len) {
                char mark = line.data[0];

                line = str_slice(line, 2, line.len);
                if (mark == '>') {
                        const char *from = path_of(str_slice(line, 0, str_find_byte(line, ' ')));
                        const char *to = arena_str(&arena, line).data;

                        assert_int_equal(symlink(strstr(to, " -> ") + 4, from), 0);
                } else if (mark == '[') {
                        const char *end = strstr(rest.data, "\n]\n");

                        add_file(line, str_make(rest.data, (size_t)(end - rest.data) + 1));
                        rest = str_slice(rest, (size_t)(end - rest.data) + 3, rest.len);
                } else {
                        size_t colon = (size_t)(strstr(line.data, ": ") - line.data);

                        path = str_slice(line, 0, colon);
                        add_file(path, str_slice(line, colon + 2, line.len));
                }
        }
}

static void mend_tree(void)
{
        for (size_t i = 0; i < file_count; i++)
                if (files[i].is_broken)
                        write_file(files[i].path, files[i].content.data, files[i].content.len);
}

static int set_up(void **state)
{
        (void)state;
        snprintf(root, sizeof(root), "/tmp/host_test.XXXXXX");
        assert_non_null(mkdtemp(root));
        snprintf(proc_root, sizeof(proc_root), "%s/proc", root);
        snprintf(sys_root, sizeof(sys_root), "%s/sys", root);
        read_tree();
        mend_tree();
        host_set_roots(proc_root, sys_root);
        return 0;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *ftw)
{
        (void)info;
        (void)kind;
        (void)ftw;
        return remove(path);
}

static int tear_down(void **state)
{
        (void)state;
        arena_release(&arena);
        buf_release(&tree_text);
        return nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static bool is_name_byte(char c, bool first)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
               (!first && c >= '0' && c <= '9');
}

static size_t name_len(struct str text)
{
        size_t len = 0;

        while (len < text.len && is_name_byte(text.data[len], len == 0))
                len++;
        return len;
}

/* The labels between the braces; returns what is behind the closing one. */
static struct str check_labels(struct str line)
{
        size_t at = 1;

        while (line.data[at] != '}') {
                size_t len = name_len(str_slice(line, at, line.len));

                assert_true(len > 0);
                at += len;
                assert_memory_equal(line.data + at, "=\"", 2);
                for (at += 2; line.data[at] != '"'; at++) {
                        assert_true(at + 1 < line.len);
                        if (line.data[at] == '\\')
                                assert_non_null(strchr("\\\"n", line.data[++at]));
                }
                at++;
                if (line.data[at] != ',' && line.data[at] != '}')
                        fail_msg("bad labels: " STR_FMT, STR_ARG(line));
                at += line.data[at] == ',';
        }
        return str_slice(line, at + 1, line.len);
}

/* A sample belongs to the family that was declared last, and comes once. */
static void check_sample(struct str line, struct str family, struct map *series)
{
        size_t len = name_len(line);
        struct str rest = str_slice(line, len, line.len);
        char *end;

        assert_true(str_equal(str_slice(line, 0, len), family));
        if (rest.len && rest.data[0] == '{')
                rest = check_labels(rest);
        assert_true(rest.len > 1 && rest.data[0] == ' ');
        strtod(rest.data + 1, &end);
        assert_ptr_equal(end, rest.data + rest.len);
        assert_null(map_put(series, str_make(line.data, (size_t)(rest.data - line.data)), root));
}

static void check_exposition(const struct buf *out)
{
        struct map families CLEANUP(map_release) = MAP_INIT, series CLEANUP(map_release) = MAP_INIT;
        struct str rest = buf_str(out), line, family = STR_LIT("");

        assert_false(out->overflow);
        assert_true(str_is_utf8(rest));
        assert_int_equal(strlen(out->data), out->len);
        assert_int_equal(out->data[out->len - 1], '\n');
        while (str_cut(&rest, '\n', &line) && rest.data) {
                if (str_starts_with(line, STR_LIT("# TYPE "))) {
                        assert_true(str_starts_with(str_slice(line, 7, line.len), family));
                        continue;
                }
                if (!str_starts_with(line, STR_LIT("# HELP "))) {
                        check_sample(line, family, &series);
                        continue;
                }
                line = str_slice(line, 7, line.len);
                family = str_slice(line, 0, name_len(line));
                assert_true(family.len && line.data[family.len] == ' ');
                assert_null(map_put(&families, family, root));
        }
}

static void render_and_check(void)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(OUT_MAX_BYTES);

        host_render(&out);
        check_exposition(&out);
}

static void test_whole(void **state)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(OUT_MAX_BYTES);
        struct str rest, line;

        (void)state;
        host_render(&out);
        check_exposition(&out);
        rest = buf_str(&out);
        while (str_cut(&rest, '\n', &line))
                if (str_starts_with(line, STR_LIT("node_scrape_collector_success")) &&
                    line.data[line.len - 1] != '1')
                        fail_msg(STR_FMT, STR_ARG(line));
}

static void write_broken(const struct tree_file *file)
{
        static char big[64 << 10];
        size_t len = file->content.len;

        memcpy(big, file->content.data, len);
        switch (random_below(8)) {
        case 0:
                len = 0;
                break;
        case 1:
                len = random_below(len + 1);
                break;
        case 2:
                big[random_below(len + 1)] = (char)random_below(256);
                break;
        case 3:
                memset(big + random_below(len + 1), 0xff, 5);
                break;
        case 4: /* a line that never ends */
                memset(big, '7', sizeof(big));
                len = sizeof(big);
                break;
        case 5:
                for (size_t i = 0; i < len; i++)
                        big[i] = (char)random_below(256);
                break;
        case 6: /* every blank gone, or every newline */
                for (size_t i = 0, odd = random_below(2); i < len; i++)
                        if (big[i] == (odd ? '\n' : ' '))
                                big[i] = '"';
                break;
        default: /* everything twice */
                memcpy(big + len, file->content.data, len);
                len *= 2;
        }
        write_file(file->path, big, len);
}

static void test_broken(void **state)
{
        (void)state;
        for (unsigned round = 0; round < ROUNDS; round++) {
                size_t one_in = 1 + random_below(40);

                mend_tree();
                for (size_t i = 0; i < file_count; i++) {
                        files[i].is_broken = random_below(one_in) == 0;
                        if (files[i].is_broken)
                                write_broken(&files[i]);
                }
                render_and_check();
        }
        mend_tree();
}

/* Beyond what host_read takes. */
static void test_huge(void **state)
{
        static const char *const paths[] = {
                "proc/stat", "proc/diskstats", "proc/net/dev", "proc/net/netstat", "proc/meminfo",
                "proc/net/arp", "proc/1/mountinfo", "proc/mdstat", "proc/net/ip_vs",
                "sys/class/net/bonding_masters", "sys/class/net/eth0/ifalias",
        };

        (void)state;
        for (size_t i = 0; i < file_count; i++) {
                bool wanted = false;

                for (size_t p = 0; p < ARRAY_LEN(paths); p++)
                        wanted |= strcmp(files[i].path + strlen(root) + 1, paths[p]) == 0;
                if (!wanted)
                        continue;
                FILE *file = fopen(files[i].path, "w");

                assert_non_null(file);
                for (size_t len = 0; len < 5u << 20; len += files[i].content.len)
                        fwrite(files[i].content.data, 1, files[i].content.len, file);
                fclose(file);
                render_and_check();
                write_file(files[i].path, files[i].content.data, files[i].content.len);
        }
}

static void test_odd_names(void **state)
{
        static const char *const paths[] = {
                "sys/class/net/a\"b\\\n\xff/ifindex",
                "sys/class/net/\xc3\xa9t\xc3\xa9/ifindex",
                "sys/class/power_supply/a\"b\\\n\xff/present",
                "sys/class/hwmon/hwmon\n9/temp1_\"\n\xff",
                "sys/class/hwmon/hwmon\n9/temp99999999999999999999_input",
                "sys/class/nvme/nvme\n/model",
                "sys/class/thermal/thermal_zone1\"/temp",
                "sys/fs/xfs/\"\n/stats/stats",
                "sys/fs/btrfs/-\"\n/devices/\xff/size",
                "sys/class/powercap/\"\n/name",
                "sys/devices/system/cpu/cpu0\"\n/cpufreq/scaling_cur_freq",
                "proc/spl/kstat/zfs/\"\n/state",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
                const char *path = path_of(str_from(paths[i]));

                write_file(path, "1\n", 2);
                render_and_check();
                assert_int_equal(unlink(path), 0);
        }
}

/* What made a collector fail once. */
static void test_odd_contents(void **state)
{
        static const char *const contents[][2] = {
                {"proc/schedstat", "cpu\"0 1 2 3 4 5 6 7 8 9\n"},
                {"proc/net/dev", " eth0: 1 2 3\n eth0: 1 2 3\n"},
                {"proc/meminfo", "MemFree: 1 kB\nMemFree: 2 kB\nMem\"Free: 3 kB\n"},
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(contents); i++) {
                const char *path = path_of(str_from(contents[i][0]));

                write_file(path, contents[i][1], strlen(contents[i][1]));
                render_and_check();
                for (size_t f = 0; f < file_count; f++)
                        files[f].is_broken |= strcmp(files[f].path, path) == 0;
        }
        mend_tree();
}

static void *render_many(void *arg)
{
        (void)arg;
        for (int i = 0; i < 20; i++)
                render_and_check();
        return NULL;
}

static void test_threads(void **state)
{
        pthread_t threads[4];

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(threads); i++)
                thread_start(&threads[i], "render", render_many, NULL);
        for (size_t i = 0; i < ARRAY_LEN(threads); i++)
                pthread_join(threads[i], NULL);
}

static void test_nothing_there(void **state)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(OUT_MAX_BYTES);

        (void)state;
        host_set_roots("/nonexistent/proc", "/nonexistent/sys");
        host_render(&out);
        host_set_roots(proc_root, sys_root);
        check_exposition(&out);
        assert_non_null(strstr(out.data, "node_scrape_collector_success{collector=\"cpu\"} 0\n"));
        assert_non_null(strstr(out.data, "node_scrape_collector_success{collector=\"xfs\"} 1\n"));
}

static void test_numbers(void **state)
{
        uint64_t u;
        int64_t i;

        (void)state;
        assert_true(host_parse_uint(STR_LIT("18446744073709551615"), &u) && u == UINT64_MAX);
        assert_true(host_parse_uint(STR_LIT("0xffffffffffffffff"), &u) && u == UINT64_MAX);
        assert_false(host_parse_uint(STR_LIT("18446744073709551616"), &u));
        assert_false(host_parse_uint(STR_LIT(""), &u));
        assert_false(host_parse_uint(STR_LIT("0x"), &u));
        assert_false(host_parse_uint(STR_LIT("12a"), &u));
        assert_false(host_parse_uint(STR_LIT("-1"), &u));
        assert_true(host_parse_int(STR_LIT("-9223372036854775807"), &i) && i == -INT64_MAX);
        assert_false(host_parse_int(STR_LIT("9223372036854775808"), &i));
        assert_false(host_parse_int(STR_LIT("-"), &i));
        assert_int_equal(host_hex(STR_LIT("00fFg")), 255);
        assert_int_equal(host_number(STR_LIT("12x")), 12);
}

static void test_label(void **state)
{
        static const char text[] = "a\"\\\n\xff\xfe\xc3\xa9\0b";
        struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);

        (void)state;
        host_label(&labels, "x", str_make(text, sizeof(text) - 1));
        host_label(&labels, "y", STR_LIT(""));
        assert_str(buf_str(&labels),
                   "x=\"a\\\"\\\\\\n\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd" "b\",y=\"\"");
}

static int render(const char *proc, const char *sys)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(OUT_MAX_BYTES);

        host_set_roots(proc, sys);
        host_render(&out);
        return fwrite(out.data, 1, out.len, stdout) == out.len ? 0 : 1;
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_whole),      cmocka_unit_test(test_broken),
                cmocka_unit_test(test_huge),       cmocka_unit_test(test_odd_names),
                cmocka_unit_test(test_threads),    cmocka_unit_test(test_odd_contents),
                cmocka_unit_test(test_numbers),    cmocka_unit_test(test_nothing_there),
                cmocka_unit_test(test_label),
        };

        if (argc == 4 && strcmp(argv[1], "--render") == 0)
                return render(argv[2], argv[3]);
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
