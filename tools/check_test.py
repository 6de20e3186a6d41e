"""The checks can fail: each is shown something bad."""
import importlib.util
import pathlib
import unittest

TOOLS = pathlib.Path(__file__).resolve().parent


def load(name):
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


layers, tidy = load("check_layers"), load("check_tidy")
LAYERS, _ = layers.parse("base:\ncodec: base\ntesting: base\nhttp: base codec\nmain: http\n")
GOOD = [("codec/a.c", '#include "base/x.h"\n'),
        ("testing/t.c", '#include "base/x.h"\n'),
        ("http/s.c", '#include "http/s_int.h"\n#include "base/x.h"\n#include "codec/a.h"\n'),
        ("main.c", '#include "http/s.h"\n')]


class Layers(unittest.TestCase):
    def check(self, path, text):
        return layers.check(GOOD + [(path, text)], LAYERS)

    def test_good_tree_passes(self):
        self.assertEqual(layers.check(GOOD, LAYERS), [])

    def test_upward_include(self):
        self.assertEqual(self.check("base/x.c", '\n#include "http/s.h"\n'),
                         ["src/base/x.c:2: error: base may not include http (src/LAYERS)"])

    def test_private_header(self):
        self.assertEqual(len(self.check("main.c", '#include "http/s_int.h"\n')), 1)

    def test_testing_only_in_tests(self):
        self.assertEqual(len(self.check("codec/b.c", '#include "testing/t.h"\n')), 1)
        self.assertEqual(self.check("codec/b_test.c", '#include "testing/t.h"\n'), [])

    def test_unrooted_include_and_unknown_module(self):
        self.assertEqual(len(self.check("codec/b.c", '#include "a.h"\n')), 1)
        self.assertEqual(len(self.check("other/b.c", "")), 1)

    def test_unused_edge(self):
        self.assertEqual(layers.check(GOOD[:2] + GOOD[3:], LAYERS),
                         ["src/LAYERS:1: error: http lists base but never includes it",
                          "src/LAYERS:1: error: http lists codec but never includes it"])

    def test_upward_name_is_refused(self):
        with self.assertRaises(SystemExit):
            layers.parse("base: codec\ncodec: base\n")


class Tidy(unittest.TestCase):
    def check(self, text, path="src/x/y.c"):
        return [error.split("error: ")[1] for error in tidy.check_file(path, text)]

    def test_good_text_passes(self):
        self.assertEqual(self.check('static int f(void)\n{\n        return g("atoi(");\n}\n'), [])

    def test_columns_tabs_and_blanks(self):
        self.assertEqual(len(self.check("/* " + "x" * 100 + " */\n")), 1)
        self.assertEqual(self.check("int\tx;\n"), ["a tab"])
        self.assertEqual(self.check("int x; \n"), ["blanks at the end of the line"])

    def test_long_function(self):
        body = "        x();\n" * 80
        self.assertEqual(self.check(f"static void long_one(void)\n{{\n{body}}}\n"),
                         ["long_one() has 83 lines, more than 70"])

    def test_banned_calls(self):
        self.assertEqual(len(self.check("int x = atoi(y);\n")), 1)
        self.assertEqual(len(self.check("void *x = malloc(1);\n")), 1)
        self.assertEqual(self.check("void *x = malloc(1);\n", "src/base/alloc.c"), [])

    def test_names_and_marks(self):
        self.assertEqual(len(self.check("", "src/x/utils.c")), 1)
        self.assertEqual(self.check("/* TO" "DO: later */\n"), ["unfinished"])


if __name__ == "__main__":
    unittest.main()
