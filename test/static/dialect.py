#!/usr/bin/env python3
"""The C dialect of the project where clang-format cannot hold it.

dialect.py ROOM...   judges the files of these rooms
dialect.py --plant   expects each violation of a list to be found, and each of its opposites not

 - A body of one statement has no braces; a body that holds another if or loop has them; in an
   if/else chain all branches have them or none. (RemoveBracesLLVM would take them from nested
   bodies as well, so clang-format is no help here.) A comment inside may keep the braces.
 - One blank line follows the declarations that open a function.
 - Pointers are compared with NULL (not looked at: the value of an assignment, bool x = pointer).
 - sizeof x for objects, sizeof(type) for types.
 - Section comments are written /* --- name --- */.
 - cJSON is included as <cjson/cJSON.h>.
"""

import pathlib
import re
import sys
import tempfile

sys.dont_write_bytecode = True  # no __pycache__ beside the sources

from support.c_source import NO_EXPRESSION, after_group, read_source, split, tokenize

BEFORE_TRUTH = {"(", "&&", "||", "=", "+=", "|=", "&=", "return", ",", "?", ":", ";", "{", "["}
AFTER_TRUTH = {")", "&&", "||", ",", "?", ":", ";", "}", "]"}
CONDITIONS = {"if", "while", "assert", "assert_true", "assert_false"}


class Check:
    def __init__(self, source):
        self.source = source
        self.tokens = source.tokens
        self.found = []

    def say(self, line, what):
        self.found.append((line, what))

    def run(self):
        self.check_comments()
        self.check_includes()
        self.check_macros()
        in_function = set()
        for parameters, body in self.source.functions:
            names = self.source.scope(parameters, body)
            self.check_first_declarations(body)
            for statement in body.walk():
                if statement.kind in ("if", "loop"):
                    self.check_braces(statement)
            inside = range(body.first, body.last)
            self.check_pointers(inside, names)
            self.check_sizeof(inside, names)
            in_function.update(inside)
        outside = (i for i in range(len(self.tokens)) if i not in in_function)
        self.check_sizeof(outside, self.source.variables)
        return sorted(set(self.found))

    # --- text ---

    def check_comments(self):
        for comment in self.source.comments:
            rule = re.match(r"/\*\s*[-=*]{2,}\s|/\*.*\s[-=*]{2,}\s*\*/$", comment.text)
            if rule and not re.fullmatch(r"/\* --- \S.*\S --- \*/", comment.text):
                self.say(comment.line, "a section comment is written /* --- name --- */")

    def check_includes(self):
        for directive in self.source.directives:
            if re.match(r"#\s*include\b.*\bcJSON\.h", directive.text):
                if "<cjson/cJSON.h>" not in directive.text:
                    self.say(directive.line, "cJSON is included as <cjson/cJSON.h>")

    # --- statements ---

    def has_comment(self, block):
        begin, end = self.tokens[block.first].at, self.tokens[block.last].at
        return any(begin < comment.at < end for comment in self.source.comments)

    def check_braces(self, statement):
        needed = kept = False
        for body in statement.bodies:
            if body.kind == "block":
                single = len(body.inside) == 1 and body.inside[0].kind == "simple"
                needed = needed or not single
                kept = kept or self.has_comment(body)
            elif body.kind != "simple":
                needed = True
        for body in statement.bodies:
            line = self.tokens[body.first].line
            if body.kind != "block" and body.kind != "simple":
                self.say(line, "a body that is an if or a loop has braces")
            elif body.kind != "block" and needed:
                self.say(line, "one branch of the chain needs braces, so all have them")
            elif body.kind == "block" and not needed and not kept:
                self.say(line, "a body of one statement has no braces")

    def check_first_declarations(self, body):
        count = 0
        while count < len(body.inside) and body.inside[count].kind == "declaration":
            count += 1
        if 0 < count < len(body.inside):
            end = self.tokens[body.inside[count - 1].last].end
            begin = self.tokens[body.inside[count].first].at
            if not re.search(r"\n[ \t]*\n", self.source.text[end:begin]):
                line = self.tokens[body.inside[count].first].line
                self.say(line, "a blank line follows the declarations that open a function")

    # --- expressions ---

    def loop_conditions(self):
        """Pairs of semicolons (indexes) with the condition of a for between them."""
        for i, token in enumerate(self.tokens):
            if token.text == "for" and token.kind == "name":
                end = after_group(self.tokens, i + 1) - 1
                parts = split(self.tokens[i + 2 : end], ";")
                first = i + 2 + len(parts[0])
                yield first, first + 1 + len(parts[1])

    def check_pointers(self, where, names):
        conditions = dict(self.loop_conditions())
        for i in where:
            before = self.tokens[i - 1].text
            if self.tokens[i].kind != "name" or self.tokens[i].text in NO_EXPRESSION:
                continue
            if before in ("->", "."):
                continue
            end, known = self.source.postfix(i, names)
            begin = self.before_stars(i)
            if known is None or known.depth <= i - begin:
                continue
            if self.is_truth(begin, end, conditions):
                text = self.source.text[self.tokens[begin].at : self.tokens[end - 1].end]
                self.say(self.tokens[i].line, f"the pointer {text} is compared with NULL")

    def before_stars(self, i):
        """The index of the first * that dereferences the name at `i`."""
        begin = i
        while self.tokens[begin - 1].text == "*":
            begin -= 1
        return begin if self.tokens[begin - 1].text in BEFORE_TRUTH | {"!"} else i

    def is_truth(self, begin, end, conditions):
        before, after = self.tokens[begin - 1].text, self.tokens[end].text
        if before == "!":
            return True
        if conditions.get(begin - 1) == end:
            return True
        if before == "(" and after == ")":
            return self.tokens[begin - 2].text in CONDITIONS
        if before not in BEFORE_TRUTH or after not in AFTER_TRUTH:
            return False
        return after == "?" or not {before, after}.isdisjoint({"&&", "||"})

    def is_object(self, tokens, names):
        """Whether what stands between the parentheses of sizeof is an object without operators."""
        while tokens and tokens[0].text in ("*", "&"):
            tokens = tokens[1:]
        if not tokens or tokens[0].kind == "text":
            return bool(tokens)
        if tokens[0].kind != "name" or tokens[0].text in NO_EXPRESSION:
            return False
        at = 1
        while at < len(tokens) and tokens[at].text in ("->", ".", "["):
            at = after_group(tokens, at) if tokens[at].text == "[" else at + 2
        return at == len(tokens) and (at > 1 or tokens[0].text in names)

    def check_sizeof(self, where, names):
        for i in where:
            if self.tokens[i].text == "sizeof" and self.tokens[i + 1].text == "(":
                inside = self.tokens[i + 2 : after_group(self.tokens, i + 1) - 1]
                self.say_sizeof(self.tokens[i].line, inside, names)

    def say_sizeof(self, line, inside, names):
        if self.is_object(inside, names):
            self.say(line, "sizeof has parentheses for types only")

    def check_macros(self):
        """sizeof in macros without parameters."""
        for directive in self.source.directives:
            found = re.match(r"#\s*define\s+\w+(\s.*)", directive.text, re.S)
            tokens = tokenize(found[1].replace("\\\n", " ")) if found else []
            for i, token in enumerate(tokens[:-1]):
                if token.text == "sizeof" and tokens[i + 1].text == "(":
                    inside = tokens[i + 2 : after_group(tokens, i + 1) - 1]
                    self.say_sizeof(directive.line, inside, self.source.variables)


BRACES = "a body of one statement has no braces"
NESTED = "a body that is an if or a loop has braces"
CHAIN = "one branch of the chain needs braces, so all have them"
BLANK = "a blank line follows the declarations that open a function"
POINTER = "the pointer p is compared with NULL"
MEMBER = "the pointer n->next is compared with NULL"
SIZEOF = "sizeof has parentheses for types only"
SECTION = "a section comment is written /* --- name --- */"
CJSON = "cJSON is included as <cjson/cJSON.h>"

# (what is found, or None; the body of `static int f(int x, char *p, struct node *n)`)
BODIES = (
    (BRACES, "if (x) {\n return 1;\n }\n return 0;"),
    (BRACES, "while (x > 0) {\n x--;\n }\n return x;"),
    (None, "if (x) {\n /* why */\n return 1;\n }\n return 0;"),
    (NESTED, "if (x)\n while (x > 0)\n x--;\n return x;"),
    (NESTED, "for (;;)\n if (x)\n return 0;\n return x;"),
    (None, "for (;;) {\n if (x)\n return 0;\n }\n return x;"),
    (CHAIN, "if (x) {\n x++;\n x++;\n } else\n x--;\n return x;"),
    (None, "if (x) {\n x++;\n x++;\n } else {\n x--;\n }\n return x;"),
    (BLANK, "int y = x;\n return y;"),
    (BLANK, "struct node *m = n;\n int y;\n y = x;\n return y + m->x;"),
    (None, "int y = x;\n\n return y;"),
    (POINTER, "if (!p)\n return 1;\n return 0;"),
    (POINTER, "if (p)\n return 1;\n return 0;"),
    (POINTER, "if (x && p)\n return 1;\n return 0;"),
    (POINTER, "for (; p;)\n x++;\n return x;"),
    (POINTER, "return p ? 1 : 0;"),
    (POINTER, "assert(p);\n return 0;"),
    (MEMBER, "while (n->next)\n n = n->next;\n return n->x;"),
    (None, "if (p == NULL && x)\n return 1;\n return *p ? n->x : 0;"),
    (SIZEOF, "return (int)sizeof(x);"),
    (SIZEOF, "return (int)sizeof(*n);"),
    (SIZEOF, "return (int)sizeof(n->next);"),
    (None, "return (int)(sizeof x + sizeof *n + sizeof(struct node) + sizeof(int));"),
)
# The same for whole files.
FILES = (
    (SECTION, "/* ---- name ---- */\n"),
    (SECTION, "/* === name === */\n"),
    (None, "/* --- name --- */\n"),
    (CJSON, "#include <cJSON.h>\n"),
    (CJSON, '#include "cjson/cJSON.h"\n'),
    (None, "#include <cjson/cJSON.h>\n"),
    (SIZEOF, "static int table[3];\n#define COUNT (sizeof(table) / 4)\n"),
    (None, "static int table[3];\n#define COUNT (sizeof table / sizeof(int))\n"),
)


def plant():
    """Each by itself is found, for the reason that it was planted for, or is not found at all."""
    whole = [(expected, "struct node { struct node *next; int x; };\n"
              f"static int f(int x, char *p, struct node *n)\n{{\n{body}\n}}\n")
             for expected, body in BODIES] + list(FILES)
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, (expected, text) in enumerate(whole):
            path = pathlib.Path(folder) / f"planted_{number}.c"
            path.write_text(text)
            found = [what for _, what in Check(read_source(path)).run()]
            if found != ([expected] if expected else []):
                print(f"expected {expected}, found {found}:\n{text}")
                missed += 1
    print(f"{len(whole)} planted, {missed} judged otherwise")
    return missed


def files_of(room):
    path = pathlib.Path(room)
    files = sorted(p for p in path.rglob("*.[ch]") if not any(
        part.startswith("seeds_") for part in p.parts))
    if not files:
        sys.exit(f"no C files found in {room}")
    return files


def main(rooms):
    if not rooms:
        sys.exit("usage: dialect.py ROOM...")
    if rooms == ["--plant"]:
        return 1 if plant() else 0
    files = [path for room in rooms for path in files_of(room)]
    bad = 0
    for path in files:
        try:
            found = Check(read_source(path)).run()
        except (SyntaxError, IndexError) as error:
            found = [(1, f"cannot be read: {error}")]
        for line, what in found:
            print(f"{path}:{line}: {what}")
        bad += len(found)
    print(f"{len(files)} files: {f'{bad} findings' if bad else 'ok'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
