/* Replays a corpus through a fuzz target with any compiler, so that `make test` runs every input
 * that ever broke something. Arguments: files, or folders of files. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
        FILE *file = fopen(path, "rb");
        struct stat info;
        uint8_t *data;

        if (!file || fstat(fileno(file), &info) != 0) {
                perror(path);
                return -1;
        }
        data = malloc((size_t)info.st_size + 1);
        if (!data || fread(data, 1, (size_t)info.st_size, file) != (size_t)info.st_size) {
                perror(path);
                fclose(file);
                free(data);
                return -1;
        }
        fclose(file);
        LLVMFuzzerTestOneInput(data, (size_t)info.st_size);
        free(data);
        return 1;
}

static int replay(const char *path)
{
        struct dirent *entry;
        DIR *dir = opendir(path);
        int total = 0;

        if (!dir)
                return replay_file(path);
        while ((entry = readdir(dir))) {
                char child[4096];
                int done;

                if (entry->d_name[0] == '.')
                        continue;
                snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
                done = replay_file(child);
                if (done < 0) {
                        total = -1;
                        break;
                }
                total += done;
        }
        closedir(dir);
        return total;
}

int main(int argc, char **argv)
{
        int total = 0;

        for (int i = 1; i < argc; i++) {
                int done = replay(argv[i]);

                if (done < 0)
                        return 1;
                total += done;
        }
        printf("replayed %d inputs\n", total);
        return total > 0 ? 0 : 1;
}
