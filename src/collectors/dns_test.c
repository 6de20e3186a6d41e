/* Messages with the examples and rules of RFC 1035, 2782 and 3596; resolv.conf(5). */
#include "collectors/dns_int.h"
#include "testing/unit.h"

static struct arena arena = {.limit_bytes = 8 << 20};

#define BYTES(literal) str_make((literal), sizeof(literal) - 1)
#define HEADER(flags, answers) "\x12\x34" flags "\0\1\0" answers "\0\0\0\0"
/* A question for A of F.ISI.ARPA, whose name starts at byte 12. */
#define QUESTION "\1F\3ISI\4ARPA\0\0\1\0\1"
#define RECORD(type, data_len) "\xc0\x0c\0" type "\0\1\0\0\0\x3c\0" data_len

static struct dns_answer parse(struct str message)
{
        struct dns_answer answer;
        struct error err;

        assert_ok(dns_answer_parse(&arena, message, 0x1234, &answer, &err), err);
        return answer;
}

static void check_refused(struct str message, enum error_code want)
{
        struct dns_answer answer;
        struct error err;

        assert_false(dns_answer_parse(&arena, message, 0x1234, &answer, &err));
        assert_int_equal(err.code, want);
}

static void test_question(void **state)
{
        static const char want[] = "\x12\x34\1\0\0\1\0\0\0\0\0\1"
                                   "\4_api\4_tcp\2ex\0\0\x21\0\1"
                                   "\0\0\x29\x10\0\0\0\0\0\0\0";
        struct buf out CLEANUP(buf_release) = BUF_INIT(1024);
        struct error err;

        (void)state;
        assert_ok(dns_question_write(&out, 0x1234, STR_LIT("_api._tcp.ex."), DNS_TYPE_SRV, true,
                                     &err), err);
        assert_int_equal(out.len, sizeof(want) - 1);
        assert_memory_equal(out.data, want, out.len);
        assert_false(dns_question_write(&out, 1, STR_LIT("a..b"), DNS_TYPE_A, false, &err));
        assert_false(dns_question_write(&out, 1, STR_LIT("0123456789012345678901234567890123456789"
                                                         "012345678901234567890123.com"),
                                        DNS_TYPE_A, false, &err));
}

static void test_records(void **state)
{
        struct dns_answer answer = parse(BYTES(
                HEADER("\x81\x80", "\6") QUESTION
                RECORD("\1", "\4") "\x0a\1\2\3"
                RECORD("\x1c", "\x10") "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
                RECORD("\x21", "\xc") "\0\1\0\2\x23\x8c\3web\xc0\x0e"
                RECORD("\xf", "\6") "\0\xa\1m\xc0\x12"
                RECORD("\2", "\2") "\xc0\x0c"
                RECORD("\5", "\2") "\xc0\x0e"));

        (void)state;
        assert_int_equal(answer.count, 5); /* the CNAME is left out */
        assert_str(answer.records[0].text, "10.1.2.3");
        assert_str(answer.records[1].text, "2001:db8::1");
        assert_str(answer.records[2].text, "web.ISI.ARPA.");
        assert_int_equal(answer.records[2].port, 9100);
        assert_str(answer.records[3].text, "m.ARPA.");
        assert_str(answer.records[4].text, "F.ISI.ARPA.");
}

static void test_odd_names(void **state)
{
        struct dns_answer answer = parse(BYTES(HEADER("\x81\x80", "\2") QUESTION
                                               RECORD("\2", "\x9") "\7a.b\\ \1\xff\0"
                                               RECORD("\2", "\1") "\0"));

        (void)state;
        assert_str(answer.records[0].text, "a\\.b\\\\\\ \\001\\255.");
        assert_str(answer.records[1].text, ".");
}

static void test_codes(void **state)
{
        (void)state;
        assert_int_equal(parse(BYTES(HEADER("\x81\x83", "\0") QUESTION)).code, DNS_NO_SUCH_NAME);
        assert_int_equal(parse(BYTES(HEADER("\x81\x82", "\0") QUESTION)).code, 2);
        assert_true(parse(BYTES(HEADER("\x83\x80", "\1") QUESTION)).truncated);
        assert_int_equal(parse(BYTES(HEADER("\x81\x80", "\0") QUESTION)).count, 0);
}

static void test_refused(void **state)
{
        (void)state;
        check_refused(BYTES("\x12"), ERROR_INVALID);
        check_refused(BYTES("\x12\x35\x81\x80\0\1\0\0\0\0\0\0" QUESTION), ERROR_INVALID);
        check_refused(BYTES(HEADER("\x01\x80", "\0") QUESTION), ERROR_INVALID); /* a question */
        check_refused(BYTES("\x12\x34\x81\x80\0\1\xff\xff\0\0\0\0" QUESTION), ERROR_CORRUPT);
        check_refused(BYTES(HEADER("\x81\x80", "\1") QUESTION RECORD("\1", "\4") "\x0a\1\2"),
                      ERROR_CORRUPT);
        check_refused(BYTES(HEADER("\x81\x80", "\1") QUESTION RECORD("\1", "\5") "\x0a\1\2\3\4"),
                      ERROR_CORRUPT);
        /* A pointer to itself, and one past the end. */
        check_refused(BYTES(HEADER("\x81\x80", "\1") "\xc0\x0c\0\1\0\1"), ERROR_CORRUPT);
        check_refused(BYTES(HEADER("\x81\x80", "\1") QUESTION RECORD("\2", "\2") "\xff\xff"),
                      ERROR_CORRUPT);
}

static void test_resolv_conf(void **state)
{
        struct dns_config config;

        (void)state;
        dns_config_parse(STR_LIT("# comment\n; another\n\n nameserver 10.0.0.1 # trailing\n"
                                 "nameserver\t2001:db8::53\r\ndomain old.example\n"
                                 "search a.example b.example.\noptions rotate ndots:3 timeout:1\n"
                                 "nameserver 10.0.0.2"), &config);
        assert_int_equal(config.server_count, 3);
        assert_str(config.servers[0], "10.0.0.1");
        assert_str(config.servers[1], "2001:db8::53");
        assert_str(config.servers[2], "10.0.0.2");
        assert_int_equal(config.search_count, 2);
        assert_str(config.search[1], "b.example.");
        assert_int_equal(config.dots_min, 3);
        dns_config_parse(STR_LIT("options ndots:99999999999\n"), &config);
        assert_int_equal(config.dots_min, 15);
        dns_config_parse(STR_LIT(""), &config);
        assert_int_equal(config.dots_min, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_question),    cmocka_unit_test(test_records),
                cmocka_unit_test(test_odd_names),   cmocka_unit_test(test_codes),
                cmocka_unit_test(test_refused),     cmocka_unit_test(test_resolv_conf),
        };
        int failed = cmocka_run_group_tests_name("dns", tests, NULL, NULL);

        arena_release(&arena);
        return failed;
}
