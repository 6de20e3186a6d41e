/* Whatever a server sends: no crash; names end in a dot, addresses are addresses. */
#include <arpa/inet.h>

#include "collectors/dns_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint16_t id = size >= 2 ? (uint16_t)(data[0] << 8 | data[1]) : 0;
        struct dns_answer answer;
        struct arena arena;
        struct error err;

        arena_init(&arena, 8 << 20);
        if (dns_answer_parse(&arena, str_make((const char *)data, size), id, &answer, &err)) {
                for (size_t i = 0; i < answer.count; i++) {
                        const struct dns_record *record = &answer.records[i];
                        uint8_t address[16];
                        int family = record->type == DNS_TYPE_A ? AF_INET : AF_INET6;

                        if (record->type == DNS_TYPE_A || record->type == DNS_TYPE_AAAA)
                                BUG_ON(inet_pton(family, record->text.data, address) != 1);
                        else
                                BUG_ON(!str_ends_with(record->text, STR_LIT(".")));
                }
        }
        arena_release(&arena);
        return 0;
}
