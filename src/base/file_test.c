/* base comes before testing/, so its tests stand on cmocka alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <errno.h>

#include <cmocka.h>

#include "base/file.h"

static char dir[64];

static const char *path_of(const char *name)
{
        static char path[4][128];
        static unsigned next;
        char *at = path[next++ % 4];

        snprintf(at, sizeof(path[0]), "%s/%s", dir, name);
        return at;
}

static int make_dir(void **state)
{
        (void)state;
        strcpy(dir, "/tmp/pitwall_file_XXXXXX");
        return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
        (void)state;
        unlink(path_of("a"));
        unlink(path_of("b"));
        rmdir(path_of("x/y"));
        rmdir(path_of("x"));
        return rmdir(dir);
}

static void write_text(const char *name, const char *text)
{
        struct file file;
        struct error err;

        assert_true(file_open(&file, path_of(name), FILE_CREATE, &err));
        assert_true(file_write_at(&file, text, strlen(text), 0, &err));
        assert_true(file_sync(&file, &err));
        file_close(&file);
        file_close(&file);
}

static void test_write_and_read(void **state)
{
        struct buf all = BUF_INIT(100), small = BUF_INIT(4);
        struct buf exact = BUF_INIT(5), kernel = BUF_INIT(1 << 20);
        struct file_map map;
        struct file file;
        struct error err;
        uint64_t size;
        char bytes[8];

        (void)state;
        write_text("a", "hello");
        assert_true(file_open(&file, path_of("a"), FILE_UPDATE, &err));
        assert_true(file_write_at(&file, "p!", 2, 3, &err));
        assert_true(file_read_at(&file, bytes, 4, 1, &err));
        assert_memory_equal(bytes, "elp!", 4);
        assert_false(file_read_at(&file, bytes, 5, 1, &err));
        assert_int_equal(err.code, ERROR_CORRUPT);
        assert_true(file_allocate(&file, 10000, &err));
        assert_true(file_size(&file, &size, &err) && size == 10000);
        assert_true(file_truncate(&file, 5, &err));
        file_close(&file);
        assert_true(file_read_all(path_of("a"), &all, &err));
        assert_string_equal(all.data, "help!");
        assert_false(file_read_all(path_of("a"), &small, &err));
        assert_int_equal(err.code, ERROR_LIMIT);
        assert_true(file_read_all(path_of("a"), &exact, &err));
        assert_string_equal(exact.data, "help!");
        assert_true(file_read_all("/proc/self/stat", &kernel, &err)); /* says it has 0 bytes */
        assert_true(kernel.len > 0);
        assert_true(file_map_open(&map, path_of("a"), &err));
        assert_int_equal(map.len, 5);
        assert_memory_equal(map.data, "help!", 5);
        file_map_close(&map);
        assert_false(file_open(&file, path_of("none"), FILE_READ, &err));
        assert_int_equal(err.code, ERROR_NOT_FOUND);
        buf_release(&all);
        buf_release(&small);
        buf_release(&exact);
        buf_release(&kernel);
}

static void test_directories(void **state)
{
        struct arena arena;
        struct error err;
        const char **names;
        size_t count;

        (void)state;
        arena_init(&arena, SIZE_MAX);
        write_text("b", "");
        assert_true(dir_make(path_of("x/y"), &err));
        assert_true(dir_make(path_of("x/y"), &err));
        assert_true(file_rename(path_of("b"), path_of("a"), &err));
        assert_true(dir_sync(dir, &err));
        assert_true(dir_list(dir, &arena, &names, &count, &err));
        assert_int_equal(count, 2);
        assert_string_equal(names[0], "a");
        assert_string_equal(names[1], "x");
        assert_true(file_remove(path_of("a"), &err));
        assert_true(file_remove(path_of("a"), &err));
        arena_release(&arena);
}

static void test_lock(void **state)
{
        struct file first, second;
        struct error err;

        (void)state;
        assert_true(file_open(&first, path_of("a"), FILE_UPDATE, &err));
        assert_true(file_open(&second, path_of("a"), FILE_UPDATE, &err));
        assert_true(file_lock(&first, &err));
        assert_false(file_lock(&second, &err));
        assert_int_equal(err.code, ERROR_EXECUTION);
        file_close(&first);
        assert_true(file_lock(&second, &err));
        file_close(&second);
}

static int fail_writes(void *ctx, enum file_op op, const char *path, size_t *len)
{
        (void)path;
        if (op != FILE_OP_WRITE)
                return 0;
        *len = 2;
        return *(int *)ctx;
}

static void test_faults(void **state)
{
        int number = ENOSPC;
        struct file_fault fault = {fail_writes, &number};
        struct file file;
        struct error err;
        uint64_t size;

        (void)state;
        assert_true(file_open(&file, path_of("a"), FILE_CREATE, &err));
        file_fault_set(&fault);
        assert_false(file_write_at(&file, "hello", 5, 0, &err));
        assert_int_equal(err.code, ERROR_FULL);
        number = EIO;
        assert_false(file_write_at(&file, "hello", 5, 0, &err));
        assert_int_equal(err.code, ERROR_IO);
        file_fault_set(NULL);
        assert_true(file_size(&file, &size, &err) && size == 2);
        file_close(&file);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_write_and_read, make_dir, drop_dir),
                cmocka_unit_test_setup_teardown(test_directories, make_dir, drop_dir),
                cmocka_unit_test_setup_teardown(test_lock, make_dir, drop_dir),
                cmocka_unit_test_setup_teardown(test_faults, make_dir, drop_dir),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
