/* codec comes before testing/, so its tests stand on cmocka alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/crc32c.h"

static void test_known_values(void **state)
{
        uint8_t zeros[32] = {0}, ones[32], up[32];

        (void)state;
        memset(ones, 0xff, sizeof(ones));
        for (uint8_t i = 0; i < 32; i++)
                up[i] = i;
        /* RFC 3720, B.4 */
        assert_int_equal(crc32c(0, zeros, 32), 0x8a9136aa);
        assert_int_equal(crc32c(0, ones, 32), 0x62a8ab43);
        assert_int_equal(crc32c(0, up, 32), 0x46dd794e);
        assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
        assert_int_equal(crc32c(0, "", 0), 0);
}

static void test_both_ways_agree(void **state)
{
        uint8_t bytes[300];

        (void)state;
        for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = (uint8_t)(i * 37 + i / 7);
        for (size_t from = 0; from < 9; from++)
                for (size_t len = 0; len + from < sizeof(bytes); len++) {
                        uint32_t whole = crc32c(0, bytes + from, len);
                        uint32_t parts = crc32c(crc32c(0, bytes + from, len / 3),
                                                bytes + from + len / 3, len - len / 3);

                        assert_int_equal(whole, crc32c_portable(0, bytes + from, len));
                        assert_int_equal(whole, parts);
                }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_known_values),
                cmocka_unit_test(test_both_ways_agree),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
