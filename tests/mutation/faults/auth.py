"""Faults in access: tokens and their keys, revocations, permissions and their expiry."""

from tests.mutation.fault import Fault

AUTH, TOKENS, REVOCATION = "server/auth/verify.py", "shared/tokens.py", "server/auth/revocation.py"
CONNECTION, SUBSCRIPTIONS = "server/hub/connection.py", "server/hub/subscriptions.py"
TIMERS, AUTHORIZER = "server/hub/timers.py", "server/auth/authorizer.py"
HUB, TOKENS_CHECKED = "tests/integration/server/hub", "tests/integration/server/auth/test_tokens.py"
CONNECTING = f"{HUB}/test_connecting.py"
VERIFIED = "tests/unit/server/auth/test_verify.py"
KEYS = f"{TOKENS_CHECKED}::test_tokens_are_checked_by_published_keys_that_may_change"
EXPECTED = f"{TOKENS_CHECKED}::test_time_audience_and_issuer_are_looked_at"
PERMITTED = "tests/integration/server/auth/test_permissions.py"
REFUSED = f"{HUB}/test_commands.py::test_a_refused_command_gets_an_error_and_the_connection_stays"
FETCHED = "tests/integration/server/auth/test_jwks.py"
GRANTED = f"{HUB}/test_subscriptions.py::test_a_subscription_token_opens_one_channel_until_it_expires"

FAULTS = [
    # Tokens, their keys, and what they permit
    Fault(
        AUTH,
        "if age_s > JWKS_FRESH_S or (key_id not in self._keys and age_s > retry_s):",
        "if key_id not in self._keys and age_s > retry_s:",
        FETCHED,
    ),
    Fault(AUTH, "(key_id not in self._keys and age_s > retry_s)", "key_id not in self._keys", KEYS),
    Fault(AUTH, "            if self._fetched_at != before:\n", "            if False:\n", KEYS),
    Fault(AUTH, "            raise KeysUnavailableError\n", "            pass\n", FETCHED),
    Fault(AUTH, "if self._keys else JWKS_FIRST_RETRY_S", "if True else JWKS_FIRST_RETRY_S", FETCHED),
    Fault(AUTH, "                if len(body) > JWKS_MAX_BYTES:\n", "                if False:\n", FETCHED),
    Fault(
        AUTH,
        "if key.algorithm_name == algorithm and isinstance(key.key_id, str):",
        "if isinstance(key.key_id, str):",
        VERIFIED,
    ),
    Fault(
        AUTH,
        '            _time(claims, "iat") or 0.0,\n',
        '            _time(claims, "iat") or time.time(),\n',
        f"{VERIFIED} -k revocation",
    ),
    Fault(
        AUTH,
        'if self.knows(claims["sub"], _time(claims, "iat") or 0.0):',
        "if False:",
        f"{PERMITTED} -k concerns_subscription",
    ),
    Fault(AUTH, '"verify_aud": self._audience is not None', '"verify_aud": False', EXPECTED),
    Fault(AUTH, "                issuer=self._issuer,\n", "", EXPECTED),
    Fault(AUTH, "expires_at <= at:", "expires_at + self._leeway_s <= at:", VERIFIED),
    Fault(AUTH, 'for name in ("iat", "nbf"):', 'for name in ("nbf",):', VERIFIED),
    Fault(AUTH, '        if "channel" in claims:\n', "        if False:\n", VERIFIED),
    Fault(
        TOKENS,
        'times = {"iat": issued_at, "exp": issued_at + ttl_s}',
        'times = {"iat": int(issued_at), "exp": issued_at + ttl_s}',
        f"{PERMITTED} -k right_after_a_revocation",
        survives_because="a revocation takes until the next full second, for the issuers that write whole seconds",
    ),
    Fault(
        TOKENS,
        "    HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(secret)\n",
        "",
        f"{TOKENS_CHECKED}::test_a_public_key_is_no_secret",
    ),
    Fault(AUTH, "return bool(name) and name in principal.brands", "return name in principal.brands", REFUSED),
    Fault(
        AUTH,
        "return bool(found) and principal.may_see(found[0])",
        "return bool(found) and principal.may_manage(found[0])",
        "tests/integration/server/admin/test_ops.py::test_an_operator_sees_nothing_of_what_is_in_a_task",
    ),
    Fault(
        AUTH,
        "self._revoked_until[user_id] = max(until, self._revoked_until.get(user_id, until))",
        "self._revoked_until[user_id] = until",
        f"{VERIFIED} -k revocation",
    ),
    Fault(
        AUTH,
        "self._revoked_until.items() if at >= before}",
        "self._revoked_until.items()}",
        f"{VERIFIED} -k revocation",
    ),
    Fault(
        AUTH,
        "return until <= self._revoked_until",
        "return until < self._revoked_until",
        f"{VERIFIED} -k revocation",
    ),
    # Revocations
    Fault(
        REVOCATION,
        "        await revocations.load()\n        reloading",
        "        reloading",
        f"{PERMITTED} -k first_moment",
    ),
    Fault(
        REVOCATION,
        "        await self._store.revoke_tokens(principal.user_id, moment)\n        self._apply({principal.user_id: moment})\n",
        "        self._apply({principal.user_id: moment})\n        await self._store.revoke_tokens(principal.user_id, moment)\n",
        f"{PERMITTED} -k cannot_be_stored",
    ),
    Fault(
        REVOCATION,
        '        await self._feed.signal(SIGNAL, json.dumps({"userId": principal.user_id, "moment": moment}))\n',
        "",
        f"{CONNECTING}::test_logging_out_everywhere_ends_every_connection_and_token",
    ),
    Fault(
        REVOCATION,
        "        await asyncio.sleep(min(left_s, 1 + MARGIN_S))",
        "        await asyncio.sleep(0)",
        f"{PERMITTED} -k right_after_a_revocation",
    ),
    Fault(
        CONNECTION,
        "if self.identity is not None and self._authorizer.is_revoked(self.identity):",
        "if self.identity is not None:",
        f"{PERMITTED} -k spare",
    ),
    Fault(REVOCATION, "        if text:\n", "        if True:\n", f"{PERMITTED} -k first_moment"),
    Fault(
        REVOCATION,
        "if moment > time.time() - REVOCATION_KEPT_S and not",
        "if not",
        f"{PERMITTED} -k version_before",
    ),
    Fault(
        REVOCATION,
        "                await self._store.revoke_tokens(user_id, moment)\n",
        "",
        f"{PERMITTED} -k version_before",
    ),
    Fault(
        REVOCATION,
        "except (PyMongoError, RedisError, OSError) as error:",
        "except (PyMongoError, OSError) as error:",
        f"{PERMITTED} -k error_of_redis",
    ),
    # What a connection may follow, and for how long
    Fault(
        CONNECTION,
        "        self._hub.sessions.add(self)  # before anything is awaited",
        "        # before anything is awaited",
        f"{PERMITTED} -k while_it_connects",
    ),
    Fault(
        CONNECTION,
        "        if self._authorizer.is_revoked(identity):\n",
        "        if False:\n",
        f"{PERMITTED} -k while_it_refreshes",
    ),
    Fault(
        CONNECTION,
        "if identity.user_id != before.user_id:",
        "if False:",
        f"{CONNECTING}::test_a_token_is_refreshed_by_the_same_user_only",
    ),
    Fault(
        CONNECTION,
        "        self.identity = identity\n        self.send",
        "        self.send",
        f"{PERMITTED} -k a_refresh",
    ),
    Fault(
        CONNECTION,
        "protocol.expiry(self._expire(identity))",
        "protocol.expiry(60)",
        f"{PERMITTED} -k expiry_replaces",
    ),
    Fault(
        TIMERS,
        "            self.cancel(name)\n        else:",
        "            pass\n        else:",
        f"{PERMITTED} -k expiry_replaces",
    ),
    Fault(
        AUTHORIZER,
        "if old.brands <= new.brands and old.scopes <= new.scopes:",
        "if old.brands <= new.brands:",
        f"{PERMITTED} -k loses_the_scope",
    ),
    Fault(
        SUBSCRIPTIONS,
        "if not (kept and kept.granted)]",
        "]",
        f"{PERMITTED} -k a_refresh_ends",
    ),
    Fault(
        SUBSCRIPTIONS,
        "if (grant.user_id, grant.channel) != (identity.user_id, channel):",
        "if grant.channel != channel:",
        GRANTED,
    ),
    Fault(
        SUBSCRIPTIONS,
        "if expires_at is not None and expires_at + self._settings.expiry_grace_s <= time.time():",
        "if False:",
        f"{PERMITTED} -k took_long",
    ),
    Fault(
        SUBSCRIPTIONS,
        "        subscription.granted = bool(request.token)\n",
        "",
        f"{PERMITTED} -k a_refresh_ends",
    ),
    Fault(
        SUBSCRIPTIONS,
        "        subscription.granted = True\n",
        "",
        f"{PERMITTED} -k until_it_is_unsubscribed",
    ),
    Fault(
        SUBSCRIPTIONS,
        "            raise ProtocolError(codes.PERMISSION_DENIED)  # it has ended while the token was checked\n",
        "            pass\n",
        f"{PERMITTED} -k token_is_checked",
    ),
    Fault(
        SUBSCRIPTIONS,
        '        self._client.timers.cancel(f"expiry {channel}")\n',
        "",
        f"{PERMITTED} -k unsubscribed_channel",
    ),
    Fault(
        SUBSCRIPTIONS,
        '        if request.channel not in self._by_channel:\n            await self._permission(identity, request.channel, "")\n',
        "",
        f"{PERMITTED} -k a_refresh_ends",
    ),
    Fault(
        CONNECTION,
        "            self._serving.cancel()\n",
        "            pass\n",
        f"{PERMITTED} -k leaves_during",
        survives_because="a command that goes on finds its connection gone; this saves its work",
    ),
    Fault(
        SUBSCRIPTIONS,
        "                self._hub.leave(subscription)\n                raise ProtocolError(codes.TOKEN_EXPIRED)",
        "                raise ProtocolError(codes.TOKEN_EXPIRED)",
        f"{PERMITTED} -k took_long",
    ),
]
