"""Reads C as far as checks of its style need it: tokens, statements, types of what is declared.

It knows this project's C (no typedef of its own, no K&R, macros that look like calls), not all of
C. What it cannot read raises SyntaxError; a type that it cannot find out is None.
"""

import functools
import pathlib
import re
from collections import namedtuple

TOKEN = re.compile(
    r"""(?P<comment>/\*.*?\*/|//[^\n]*)
      | (?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
      | (?P<number>\.?[0-9](?:[eEpP][+-]|[\w.])*)
      | (?P<name>[A-Za-z_]\w*)
      | (?P<sign>->|\+\+|--|<<=|>>=|\.\.\.|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|.)""",
    re.X | re.S,
)
DIRECTIVE = re.compile(r"#(?:\\\n|/\*.*?\*/|[^\n])*", re.S)
LOOP_MACRO = re.compile(r"[A-Z_]*FOREACH(_SAFE|_REVERSE)?$|cJSON_ArrayForEach$|HASH_ITER$")
BUILT_IN = set("void bool char short int long float double signed unsigned".split())
QUALIFIERS = set("const volatile static extern inline register restrict _Atomic typedef".split())
NO_EXPRESSION = BUILT_IN | QUALIFIERS | set(
    "struct union enum if else for while do switch case default return goto break continue "
    "sizeof _Static_assert static_assert".split()
)
# Functions of libraries that the project asks for a pointer.
LIBRARY = (
    "malloc calloc realloc aligned_alloc strdup strndup memchr memrchr memmem strchr strrchr "
    "strstr strcasestr strpbrk strtok_r getenv secure_getenv fopen fdopen fopencookie "
    "open_memstream freopen tmpfile fgets setlocale realpath opendir readdir bsearch inet_ntop "
    "cJSON_Parse cJSON_GetObjectItemCaseSensitive cJSON_GetArrayItem cJSON_GetStringValue "
    "cJSON_CreateObject cJSON_CreateArray cJSON_AddObjectToObject cJSON_AddArrayToObject "
    "cJSON_PrintUnformatted cJSON_Print cJSON_Duplicate SSL_new SSL_CTX_new SSL_get1_session"
).split()

Token = namedtuple("Token", "kind text at end line")
# base: the tag of a struct or the name of another type; depth: how many * and [] are on it.
Type = namedtuple("Type", "base depth")
Declared = namedtuple("Declared", "name type is_function")


class Statement:
    """kind: block, if, loop, do, switch, label, declaration or simple. first, last: tokens."""

    def __init__(self, kind, first):
        self.kind, self.first, self.last = kind, first, first
        self.bodies = []  # of if (one per branch), loop, do, switch
        self.inside = []  # of block

    def walk(self):
        yield self
        for part in self.inside + self.bodies:
            yield from part.walk()


def tokenize(text):
    """All tokens, in order; a directive of the preprocessor is one token."""
    tokens, at, line = [], 0, 1
    while at < len(text):
        if text[at].isspace():
            line += text[at] == "\n"
            at += 1
            continue
        begins_line = text[text.rfind("\n", 0, at) + 1 : at].strip() == ""
        if text[at] == "#" and begins_line:
            kind, found = "directive", DIRECTIVE.match(text, at)
        else:
            found = TOKEN.match(text, at)
            kind = found.lastgroup
        tokens.append(Token(kind, found.group(), at, found.end(), line))
        line += found.group().count("\n")
        at = found.end()
    return tokens


def after_group(tokens, at):
    """The index after the bracket that closes the one at `at`."""
    depth = 0
    for i in range(at, len(tokens)):
        if tokens[i].kind == "sign" and tokens[i].text in "([{":
            depth += 1
        elif tokens[i].kind == "sign" and tokens[i].text in ")]}":
            depth -= 1
            if depth == 0:
                return i + 1
    raise SyntaxError(f"line {tokens[at].line}: {tokens[at].text} is not closed")


def split(tokens, sign):
    """The parts between commas, or whatever `sign` is, that stand in no brackets."""
    parts, begin, i = [], 0, 0
    while i < len(tokens):
        if tokens[i].kind == "sign" and tokens[i].text in "([{":
            i = after_group(tokens, i)
            continue
        if tokens[i].text == sign:
            parts.append(tokens[begin:i])
            begin = i + 1
        i += 1
    return parts + [tokens[begin:]]


class StatementReader:
    def __init__(self, tokens):
        self.tokens = tokens
        self.at = 0

    def text(self, ahead=0):
        at = self.at + ahead
        return self.tokens[at].text if at < len(self.tokens) else ""

    def skip(self):
        """Over one token, or over all of a pair of brackets."""
        opens = self.tokens[self.at].kind == "sign" and self.text() in "([{"
        self.at = after_group(self.tokens, self.at) if opens else self.at + 1

    def skip_to(self, sign):
        while self.text() != sign:
            if self.at >= len(self.tokens):
                raise SyntaxError(f"no {sign} at the end")
            self.skip()

    def read(self, at):
        self.at = at
        return self.statement()

    def statement(self):
        word, is_name = self.text(), self.tokens[self.at].kind == "name"
        if word == "{":
            found = self.block()
        elif word in ("if", "for", "while", "switch"):
            found = self.compound(word if word in ("if", "switch") else "loop")
        elif is_name and LOOP_MACRO.match(word) and self.text(1) == "(":
            found = self.compound("loop")
        elif word == "do":
            found = Statement("do", self.at)
            self.at += 1
            found.bodies.append(self.statement())
            self.skip_to(";")
            self.at += 1
        elif word in ("case", "default") or (is_name and self.text(1) == ":"):
            found = Statement("label", self.at)
            self.skip_to(":")
            self.at += 1
        else:
            found = Statement("declaration" if self.is_declaration() else "simple", self.at)
            self.skip_to(";")
            self.at += 1
        found.last = self.at - 1
        return found

    def block(self):
        found = Statement("block", self.at)
        self.at += 1
        while self.text() != "}":
            found.inside.append(self.statement())
        self.at += 1
        return found

    def compound(self, kind):
        found = Statement(kind, self.at)
        self.at += 1
        self.skip()
        found.bodies.append(self.statement())
        while kind == "if" and self.text() == "else":
            last = self.text(1) != "if"
            self.at += 1 if last else 2
            if not last:
                self.skip()
            found.bodies.append(self.statement())
            if last:
                break
        return found

    def is_declaration(self):
        word = self.text()
        if self.tokens[self.at].kind != "name":
            return False
        if word in BUILT_IN | QUALIFIERS | {"struct", "union", "enum"} or word.endswith("_t"):
            return True
        if word in NO_EXPRESSION:
            return False
        ahead = 1
        while self.text(ahead) in ("*", "const"):
            ahead += 1
        name = self.tokens[self.at + ahead]
        return name.kind == "name" and (ahead == 1 or self.text(ahead + 1) in ("=", ";", ",", "["))


class Source:
    """One file and what its includes from this project declare."""

    def __init__(self, path):
        self.path = path
        self.text = path.read_text()
        everything = tokenize(self.text)
        self.tokens = [t for t in everything if t.kind not in ("comment", "directive")]
        self.comments = [t for t in everything if t.kind == "comment"]
        self.directives = [t for t in everything if t.kind == "directive"]
        self.structs, self.variables = {}, {}
        self.returns = {name: Type("void", 1) for name in LIBRARY}
        self.functions = []  # (parameter tokens, body)
        self.read_includes()
        self.read_items()

    def read_includes(self):
        for directive in self.directives:
            found = re.match(r'#\s*include\s*"([^"]+)"', directive.text)
            for path in [pathlib.Path(found[1]), self.path.parent / found[1]] if found else []:
                if path.is_file() and path.suffix == ".h":
                    other = read_source(path)
                    self.structs.update(other.structs)
                    self.variables.update(other.variables)
                    self.returns.update(other.returns)
                    break

    def read_items(self):
        at, tokens = 0, self.tokens
        while at < len(tokens):
            begin, is_value = at, False
            while at < len(tokens) and tokens[at].text != ";":
                is_value = is_value or tokens[at].text == "="
                if tokens[at].text == "{" and tokens[at - 1].text == ")" and not is_value:
                    break
                opens = tokens[at].kind == "sign" and tokens[at].text in "([{"
                at = after_group(tokens, at) if opens else at + 1
            self.declare(tokens[begin:at])
            if at < len(tokens) and tokens[at].text == "{":
                body = StatementReader(tokens).read(at)
                self.functions.append((self.parameters(tokens[begin:at]), body))
                at = body.last
            at += 1

    def declare(self, tokens):
        for found in self.declared(tokens):
            (self.returns if found.is_function else self.variables)[found.name] = found.type

    @staticmethod
    def parameters(tokens):
        begin = max(i for i, t in enumerate(tokens) if t.text == "(" and
                    after_group(tokens, i) == len(tokens))
        return split(tokens[begin + 1 : -1], ",")

    def declared(self, tokens):
        """What a declaration without its semicolon declares."""
        base, at = self.specifiers(tokens)
        found = []
        for part in split(tokens[at:], ",") if base is not None else []:
            depth = sum(t.text == "*" for t in part[: self.name_in(part)])
            rest = part[self.name_in(part) :]
            if not rest:
                if part[:3] and part[0].text == "(" and len(part) > 2 and part[1].text == "*":
                    found.append(Declared(part[2].text, Type(None, 1), False))
                continue
            is_function = len(rest) > 1 and rest[1].text == "("
            i = 1
            while i < len(rest) and rest[i].text == "[":
                i, depth = after_group(rest, i), depth + 1
            found.append(Declared(rest[0].text, Type(base, depth), is_function))
        return found

    @staticmethod
    def name_in(declarator):
        i = 0
        while i < len(declarator) and declarator[i].text in ("*", "const", "restrict"):
            i += 1
        return i if i < len(declarator) and declarator[i].kind == "name" else len(declarator)

    def specifiers(self, tokens):
        """(base type or None, the index of the first declarator)"""
        base, at = None, 0
        while at < len(tokens) and tokens[at].kind == "name":
            word = tokens[at].text
            if word in ("struct", "union", "enum"):
                at += 1
                base = f"{self.path}:{tokens[at].line}"
                if tokens[at].kind == "name":
                    base = tokens[at].text
                    at += 1
                if at < len(tokens) and tokens[at].text == "{":
                    end = after_group(tokens, at)
                    if word != "enum":
                        self.structs[base] = self.members(tokens[at + 1 : end - 1])
                    at = end
                continue
            if word in BUILT_IN:
                base = word
            elif word not in QUALIFIERS:
                if base is not None:
                    break
                base = word
            at += 1
        return base, at

    def members(self, tokens):
        members = {}
        for part in split(tokens, ";"):
            found = self.declared(part)
            members.update((one.name, one.type) for one in found)
            if not found and part and part[0].text in ("struct", "union"):
                members.update(self.structs.get(self.specifiers(part)[0], {}))
        return members

    def scope(self, parameters, body):
        """Types of what is visible in a function; None where a name has several."""
        names, own = dict(self.variables), {}
        parts = list(parameters)
        for statement in body.walk():
            tokens = self.tokens[statement.first : statement.last]
            if statement.kind == "declaration":
                parts.append(tokens)
            elif statement.kind == "loop" and tokens[0].text == "for":
                parts.append(split(tokens[2 : after_group(tokens, 1) - 1], ";")[0])
        for part in parts:
            for one in self.declared(part):
                same = own.setdefault(one.name, one.type) == one.type
                own[one.name] = one.type if same else None
        names.update(own)
        return names

    def postfix(self, at, names):
        """(end, type) of the name at `at` with its members, calls and indexes."""
        tokens, name = self.tokens, self.tokens[at].text
        known = names.get(name)
        at += 1
        if at < len(tokens) and tokens[at].text == "(":
            at, known = after_group(tokens, at), self.returns.get(name)
        while at < len(tokens):
            sign = tokens[at].text
            if sign in ("->", "."):
                members = self.structs.get(known.base, {}) if known else {}
                known = members.get(tokens[at + 1].text)
                at += 2
            elif sign == "[":
                at = after_group(tokens, at)
                known = Type(known.base, known.depth - 1) if known else None
            elif sign == "(":
                at, known = after_group(tokens, at), None
            elif sign in ("++", "--"):
                at += 1
            else:
                break
        return at, known


@functools.lru_cache(maxsize=None)
def read_source(path):
    return Source(path)
