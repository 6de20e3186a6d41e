/* config/discovery_section_int.h - the *_sd_configs of a section. */
#ifndef CONFIG_DISCOVERY_SECTION_INT_H
#define CONFIG_DISCOVERY_SECTION_INT_H

#include "collectors/discovery.h"
#include "config/decode_int.h"

struct discovery_list {
        struct discovery_config *items;
        size_t count;
};

/* The list of one kind; appends to the struct discovery_list at the slot. */
bool decode_consul_discoveries(struct decoder *d, const struct yaml_node *node, void *slot);
bool decode_dns_discoveries(struct decoder *d, const struct yaml_node *node, void *slot);
bool decode_docker_discoveries(struct decoder *d, const struct yaml_node *node, void *slot);
bool decode_file_discoveries(struct decoder *d, const struct yaml_node *node, void *slot);
bool decode_http_discoveries(struct decoder *d, const struct yaml_node *node, void *slot);
bool decode_kubernetes_discoveries(struct decoder *d, const struct yaml_node *node, void *slot);

#define ABSENT_DISCOVERY(kind) {kind "_sd_configs", NULL, 0, "service discovery by " kind}

/* `at` is the offset of the list. */
#define DISCOVERY_FIELDS(at)                                                                       \
        {"consul_sd_configs", decode_consul_discoveries, (at), NULL},                              \
        {"dns_sd_configs", decode_dns_discoveries, (at), NULL},                                    \
        {"docker_sd_configs", decode_docker_discoveries, (at), NULL},                              \
        {"file_sd_configs", decode_file_discoveries, (at), NULL},                                  \
        {"http_sd_configs", decode_http_discoveries, (at), NULL},                                  \
        {"kubernetes_sd_configs", decode_kubernetes_discoveries, (at), NULL},                      \
        ABSENT_DISCOVERY("aws"), ABSENT_DISCOVERY("azure"), ABSENT_DISCOVERY("digitalocean"),      \
        ABSENT_DISCOVERY("dockerswarm"), ABSENT_DISCOVERY("ec2"), ABSENT_DISCOVERY("eureka"),      \
        ABSENT_DISCOVERY("gce"), ABSENT_DISCOVERY("hetzner"), ABSENT_DISCOVERY("ionos"),           \
        ABSENT_DISCOVERY("kuma"), ABSENT_DISCOVERY("lightsail"), ABSENT_DISCOVERY("linode"),       \
        ABSENT_DISCOVERY("marathon"), ABSENT_DISCOVERY("nerve"), ABSENT_DISCOVERY("nomad"),        \
        ABSENT_DISCOVERY("oci"), ABSENT_DISCOVERY("openstack"), ABSENT_DISCOVERY("outscale"),      \
        ABSENT_DISCOVERY("ovhcloud"), ABSENT_DISCOVERY("puppetdb"), ABSENT_DISCOVERY("scaleway"),  \
        ABSENT_DISCOVERY("serverset"), ABSENT_DISCOVERY("stackit"), ABSENT_DISCOVERY("triton"),    \
        ABSENT_DISCOVERY("uyuni"), ABSENT_DISCOVERY("vultr")

#endif
