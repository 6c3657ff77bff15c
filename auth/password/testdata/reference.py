"""Hashes by the programs that others use: reference.py COUNT SEED writes COUNT of every kind, one JSON object a line.

Each has the password and the hash; from says how the hash is read: "text" (Recognise), "auth0" (Auth0), or the name of
one of Clerk's hashers (Clerk). Where no program at hand makes a kind, OpenSSL does what its documentation says.
"""
import base64, hashlib, hmac, json, random, sys, unicodedata

import argon2
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from django.conf import settings
settings.configure()
from django.contrib.auth import hashers as django
from passlib import hash as passlib
from werkzeug.security import generate_password_hash

count, r = int(sys.argv[1]), random.Random(int(sys.argv[2]))
ALPHABETS = ["abcdefghijklmnopqrstuvwxyz", "aA0 $:,{}=+/.\\\"'%&", "äöüßéèçñ", "пароль", "密码パスワード", "🔑👍🏽", "e\u0301a\u0308"]


def password():
    letters = r.choice(ALPHABETS) + r.choice(ALPHABETS)
    typed = "".join(r.choice(letters) for _ in range(r.choice([1, 8, 12, 20, 55, 64, 73, 90])))
    return typed.encode()[:240].decode(errors="ignore")  # longer ones are nobody's where each round hashes them


def text(n, letters="./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"):
    return "".join(r.choice(letters) for _ in range(n))


def b64(b):
    return base64.b64encode(b).decode()


def djangos(hasher, **costs):
    """A hasher of Django's, at other costs than its own."""
    h = type("Cheap", (hasher,), costs)()
    return lambda p: ("text", h.encode(p, h.salt()))


def passlibs(hasher, **options):
    def make(p):
        return "text", hasher.using(**{k: v() if callable(v) else v for k, v in options.items()}).hash(p)
    return make


def auth0(algorithm, p, hashed, encoding=None, **more):
    """Auth0's JSON for hash(bytes), with a salt before the password, behind it, or none."""
    side, b = r.choice(["prefix", "suffix", None]), p.encode(encoding or "utf8")
    h = {"algorithm": algorithm, "hash": {"encoding": r.choice(["hex", "base64"]), **more}}
    if side:
        salt = r.randbytes(r.randint(1, 32))
        b = salt + b if side == "prefix" else b + salt
        h["salt"] = {"value": salt.hex(), "encoding": "hex", "position": side}
    if encoding:
        h["password"] = {"encoding": {"utf-16-le": "utf16le"}[encoding]}
    made = hashed(b)
    h["hash"]["value"] = made.hex() if h["hash"]["encoding"] == "hex" else b64(made)
    return "auth0", json.dumps(h)


def auth0_hmac(p):
    key, name = r.randbytes(r.randint(1, 40)), r.choice(["md5", "sha1", "sha224", "sha256", "sha384", "sha512"])
    return auth0("hmac", p, lambda b: hmac.new(key, b, name).digest(), digest=name,
                 key={"value": b64(key), "encoding": "base64"})


def auth0_scrypt(p):
    salt, n, size = r.randbytes(r.randint(1, 32)), 1 << r.randint(1, 8), r.choice([16, 32, 64])
    cost = {"cost": n, "blockSize": r.randint(1, 9), "parallelization": r.randint(1, 3), "keylen": size}
    made = hashlib.scrypt(p.encode(), salt=salt, n=n, r=cost["blockSize"], p=cost["parallelization"], dklen=size)
    return "auth0", json.dumps({"algorithm": "scrypt", "hash": {"value": made.hex(), "encoding": "hex"},
                                "salt": {"value": salt.hex(), "encoding": "hex"}, **cost})


def auth0_pbkdf2(p):
    name = r.choice(["md5", "sha1", "sha256", "sha384", "sha512"])
    salt, i, size = r.randbytes(8), r.randint(1, 99), r.choice([16, 20, 64])
    made = hashlib.pbkdf2_hmac(name, p.encode(), salt, i, size)
    return "auth0", json.dumps({"algorithm": "pbkdf2", "hash": {"value": "$pbkdf2-%s$i=%d,l=%d$%s$%s" % (
        name, i, size, b64(salt).rstrip("="), b64(made).rstrip("="))}})


def clerk_pbkdf2(hasher, name, salt, key):
    def make(p):
        raw, i = text(r.randint(1, 20)), r.randint(1, 99)
        return hasher, "%s$%d$%s$%s" % (hasher, i, salt(raw), key(hashlib.pbkdf2_hmac(name, p.encode(), raw.encode(), i)))
    return make


def better_auth(p):
    salt = r.randbytes(16).hex()
    normal = unicodedata.normalize("NFKC", p).encode()
    key = hashlib.scrypt(normal, salt=salt.encode(), n=16384, r=16, p=1, dklen=64, maxmem=1 << 26)
    return "text", salt + ":" + key.hex()


def firebase(p):
    salt, separator, signer = r.randbytes(r.randint(1, 16)), r.randbytes(r.randint(1, 4)), r.randbytes(r.choice([32, 64]))
    log, rounds = r.randint(1, 8), r.randint(1, 8)
    key = hashlib.scrypt(p.encode(), salt=salt + separator, n=1 << log, r=rounds, p=1, dklen=32)
    made = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor().update(signer)
    if r.random() < .5:
        return "scrypt_firebase", "$".join([b64(made), b64(salt), b64(signer), b64(separator), str(rounds), str(log)])
    parts = map(b64, [separator, signer, salt, made])
    return "text", "$fbscrypt$v=1,n=%d,r=%d,p=1,ss=%s,sk=%s$%s$%s" % (log, rounds, *parts)


def werkzeug_scrypt(p):
    salt, n, size, par = text(16), 1 << r.randint(1, 8), r.randint(1, 9), r.randint(1, 3)
    made = hashlib.scrypt(p.encode(), salt=salt.encode(), n=n, r=size, p=par, dklen=64)
    return r.choice(["text", "scrypt_werkzeug"]), "scrypt:%d:%d:%d$%s$%s" % (n, size, par, salt, made.hex())


def django_scrypt(p):
    salt, n, size, par = text(22, "abcdefABCDEF0123456789"), 1 << r.randint(1, 8), r.randint(1, 9), r.randint(1, 3)
    made = hashlib.scrypt(p.encode(), salt=salt.encode(), n=n, r=size, p=par, dklen=64)
    return "text", "scrypt$%d$%s$%d$%d$%s" % (n, salt, size, par, b64(made))


def argon(p):
    kind = r.choice([argon2.low_level.Type.I, argon2.low_level.Type.D, argon2.low_level.Type.ID])
    threads, salt = r.randint(1, 4), r.randbytes(r.randint(8, 32))
    return "text", argon2.low_level.hash_secret(p.encode(), salt, r.randint(1, 3), r.randint(8 * threads, 100), threads,
                                                r.choice([16, 24, 32, 64]), kind).decode()


def peppered(p):
    pepper = text(8)
    return "bcrypt_peppered", passlib.bcrypt.using(rounds=4, ident="2a").hash(p + pepper) + "$" + pepper


def bcrypt(p):
    h = passlib.bcrypt.using(rounds=r.randint(4, 5), ident=r.choice(["2a", "2b", "2y"]))
    return r.choice(["text", "bcrypt"]), h.hash(p)


def salted(name):
    def make(p):
        salt = text(8)
        return name + "_salted", salt + "$" + hashlib.new(name, (salt + p).encode()).hexdigest()
    return make


def md5_phpass(p):
    return "md5_phpass", passlib.phpass.using(rounds=7).hash(hashlib.md5(p.encode()).hexdigest())


def any_of(hashers, **options):
    """One of passlib's hashers; an option that is a function is made anew each time."""
    return lambda p: passlibs(r.choice(hashers), **options)(p)


def json_of(algorithm, hexadecimal, **more):
    return "auth0", json.dumps({"algorithm": algorithm, "hash": {"value": hexadecimal, "encoding": "hex"}, **more})


def digests(p):
    name = r.choice(["md5", "sha1", "sha256", "sha512"])
    return auth0(name, p, lambda b: hashlib.new(name, b).digest())


KINDS = {
    "argon2": argon,
    "argon2 of Django": djangos(django.Argon2PasswordHasher, time_cost=1, memory_cost=64, parallelism=2),
    "better-auth": better_auth,
    "bcrypt": bcrypt,
    "bcrypt_peppered": peppered,
    "bcrypt of Django": djangos(django.BCryptPasswordHasher, rounds=4),
    "bcrypt_sha256 of Django": djangos(django.BCryptSHA256PasswordHasher, rounds=4),
    "pbkdf2_sha256 of Django": djangos(django.PBKDF2PasswordHasher, iterations=50),
    "pbkdf2_sha1 of Django": djangos(django.PBKDF2SHA1PasswordHasher, iterations=50),
    "pbkdf2 of Werkzeug": lambda p: (
        "text", generate_password_hash(p, "pbkdf2:%s:9" % r.choice(["sha1", "sha256", "sha512"]))),
    "pbkdf2 of passlib": any_of([passlib.pbkdf2_sha1, passlib.pbkdf2_sha256, passlib.pbkdf2_sha512],
                                rounds=lambda: r.randint(1, 99), salt_size=lambda: r.randint(1, 20)),
    "pbkdf2_sha1 of Clerk": clerk_pbkdf2("pbkdf2_sha1", "sha1", lambda s: s.encode().hex(), bytes.hex),
    "pbkdf2_sha256 of Clerk": clerk_pbkdf2("pbkdf2_sha256", "sha256", lambda s: b64(s.encode()), b64),
    "pbkdf2_sha512 of Clerk": clerk_pbkdf2("pbkdf2_sha512", "sha512", str, bytes.hex),
    "pbkdf2_sha512_hex of Clerk": clerk_pbkdf2("pbkdf2_sha512_hex", "sha512", lambda s: s.encode().hex(), bytes.hex),
    "pbkdf2 of Auth0": auth0_pbkdf2,
    "scrypt of passlib": any_of([passlib.scrypt], rounds=lambda: r.randint(1, 6), block_size=lambda: r.randint(1, 9),
                                parallelism=lambda: r.randint(1, 3)),
    "scrypt of Firebase": firebase,
    "scrypt of Werkzeug": werkzeug_scrypt,
    "scrypt of Django": django_scrypt,
    "scrypt of Auth0": auth0_scrypt,
    "sha-crypt": any_of([passlib.sha256_crypt, passlib.sha512_crypt], rounds=lambda: r.choice([1000, 1001, 5000]),
                        salt=lambda: text(r.randint(0, 16))),
    "sha-crypt of LDAP": any_of([passlib.ldap_sha256_crypt, passlib.ldap_sha512_crypt], rounds=1000),
    "md5-crypt": any_of([passlib.md5_crypt, passlib.apr_md5_crypt], salt=lambda: text(r.randint(0, 8))),
    "phpass": any_of([passlib.phpass], rounds=lambda: r.randint(7, 9), ident=lambda: r.choice("PH")),
    "md5_phpass": md5_phpass,
    "LDAP": any_of([passlib.ldap_md5, passlib.ldap_sha1]),
    "LDAP, salted": any_of([passlib.ldap_salted_md5, passlib.ldap_salted_sha1, passlib.ldap_salted_sha256,
                            passlib.ldap_salted_sha512], salt_size=lambda: r.randint(4, 16)),
    "md5 of Clerk": lambda p: ("md5", passlib.hex_md5.hash(p)),
    "sha256 of Clerk": lambda p: ("sha256", passlib.hex_sha256.hash(p)),
    "md5_salted of Clerk": salted("md5"),
    "sha256_salted of Clerk": salted("sha256"),
    "digests of Auth0": digests,
    "digests of Auth0, in UTF-16": lambda p: auth0("sha1", p, lambda b: hashlib.sha1(b).digest(), encoding="utf-16-le"),
    "md4 of Auth0": lambda p: json_of("md4", passlib.hex_md4.hash(p)),
    "md4 of NT": lambda p: json_of("md4", passlib.nthash.hash(p), password={"encoding": "utf16le"}),
    "hmac of Auth0": auth0_hmac,
}

for kind, make in KINDS.items():
    for _ in range(count):
        p = password()
        how, made = make(p)
        print(json.dumps({"kind": kind, "from": how, "hash": made, "password": p}))
