# Likely mistakes in lines of other modules are warnings with a code: a time with a unit,
# sessions without end, a cookie without attributes, a login form in clear, a log with
# cookies, and a cookie that backends may get. Configurations that are right have none.
# SessionCryptoAccept silences a code.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Certificates qw(certificate);
use SessionCrypto::Httpd        ();
use SessionCrypto::Startup      qw(SECRET host inside is_quiet is_warned is_wrong);

my $httpd = SessionCrypto::Httpd->new(name => 'startup-warnings', session => '', accept => '');
my $dir   = $httpd->dir;
certificate($dir, 'a', 'ec:P-256');
$httpd->write_file('session-keys', scalar qx('@{[SessionCrypto::Httpd::env('HTSESSION')]}' key), 0600);

my $wrong      = "# wrong:\n";
my $on         = "Session On\n";
my $off        = "Session Off\n";
my $age        = "SessionMaxAge 1800\n";
my $attributes = 'path=/;Secure;HttpOnly;SameSite=Lax';
my $cookie     = "SessionCookieName session $attributes\n";
my $secret     = "SessionCryptoPassphrase ${\SECRET}\n";
my $lifetime   = "SessionCryptoMaxLifetime 12h\n";
my $good       = $on . $age . $cookie . $secret;
my $form       = "AuthType form\nAuthName shop\n";
my $remove     = "SessionCookieRemove On\n";

# httpd's own words tell its version, which one warning depends on.
my ($minor, $patch) = qx('@{[SessionCrypto::Httpd::env('HTTPD')]}' -v) =~ m{Apache/2\.(\d+)\.(\d+)} or die "no version\n";
my $hands_on = $minor == 4 && $patch < 69;

sub are_warned {
    my ($code, $cases) = @_;
    subtest "$code: mistakes" => sub {
        for my $name (sort keys %$cases) {
            my ($config, @words) = ref $cases->{$name} ? @{ $cases->{$name} } : $cases->{$name};
            $httpd->{config} = $config;
            is_warned($httpd, $name, "$code: on line", @words);
        }
    };
}

sub are_quiet {
    my ($code, $cases) = @_;
    subtest "$code: none" => sub {
        for my $name (sort keys %$cases) {
            $httpd->{config} = $cases->{$name};
            is_quiet($httpd, $name);
        }
    };
}

# A number of seconds. Each has another end, so that it is the only warning.
my $unit = $on . $cookie . $secret . $lifetime;
are_warned(SC0401 => {
    'an hour'            => [$unit . $wrong . "SessionMaxAge 1h\n",    "'1h' is 1 of them to httpd", "write 'SessionMaxAge 3600'"],
    'half an hour'       => [$unit . $wrong . "SessionMaxAge 30min\n", "'30min' is 30 of them", "write 'SessionMaxAge 1800'"],
    'a capital'          => [$unit . $wrong . "SessionMaxAge 8H\n",    "'8H' is 8 of them", "write 'SessionMaxAge 28800'"],
    'quotes'             => [$unit . $wrong . qq(SessionMaxAge "30d"\n), "'30d' is 30 of them", "write 'SessionMaxAge 2592000'"],
    'a unit of its own'  => [$unit . $wrong . "SessionMaxAge 2weeks\n", "'2weeks' is 2 of them", "write a number, as 'SessionMaxAge 1800'"],
    'a unit with a space' => [$unit . $wrong . qq(SessionMaxAge "8 h"\n), "'8 h' is 8 of them", "write a number, as 'SessionMaxAge 1800'"],
    'a fraction'         => [$unit . $wrong . "SessionMaxAge 1.5h\n",  "'1.5h' is 1 of them", "write a number, as 'SessionMaxAge 1800'"],
    'a word'             => [$unit . $wrong . "SessionMaxAge forever\n", "'forever' is 0 of them"],
    'less than nothing'  => [$unit . $wrong . "SessionMaxAge -1\n",    "'-1' is -1 of them"],
    'the interval'       => [$good . $wrong . "SessionExpiryUpdateInterval 5min\n", 'SessionExpiryUpdateInterval takes seconds', "write 'SessionExpiryUpdateInterval 300'"],
    'a variable'         => [$unit . "Define AGE 1h\n" . $wrong . "SessionMaxAge \${AGE}\n", "write 'SessionMaxAge 3600'"],
    'in a location'      => [$unit . inside('Location /shop', $wrong . "SessionMaxAge 1h\n")],
    'in <If> in a directory' => [$unit . inside('Directory /shop', inside('If true', $wrong . "SessionMaxAge 1h\n"))],
    'in <IfModule>'      => [$unit . inside('IfModule mod_session.c', $wrong . "SessionMaxAge 1h\n")],
    'in <Limit>'         => [$unit . inside('Location /shop', inside('Limit POST', $wrong . "SessionMaxAge 1h\n") =~ s/"//gr)],
    'in a host'          => [$unit . host($wrong . "SessionMaxAge 1h\n")],
    'in all of two hosts' => [$unit . $wrong . "SessionMaxAge 1h\n" . host('') . host(inside('Location /shop', ''))],
    'where nothing is encrypted' => [$on . $cookie . $wrong . "SessionMaxAge 1h\n"],
});
are_quiet(SC0401 => {
    'a number'           => $unit . "SessionMaxAge 3600\n",
    'a number in quotes' => $unit . qq(SessionMaxAge "3600"\n),
    'a unit that is true' => $unit . "SessionMaxAge 3600s\n",
    'none'               => $unit . "SessionMaxAge 0\n",
    'replaced by a later line' => $unit . "SessionMaxAge 1h\n" . "SessionMaxAge 3600\n",
    'replaced in each host' => $unit . "SessionMaxAge 1h\n" . host($age) . host($age),
    'replaced in every location' => $unit . "SessionMaxAge 1h\n" . inside('Location /', $age),
    'in a directory, replaced in every location' => $unit . inside('Directory @DIR@/htdocs', "SessionMaxAge 1h\n") . inside('Location /', $age),
});

my $endless = $cookie . $secret;
are_warned(SC0402 => {
    'at the server'      => [$endless . $wrong . $on, 'Session On: the encrypted sessions here never end', 'SessionMaxAge 1800', 'SessionCryptoMaxLifetime 12h'],
    'an age of 0'        => $endless . "SessionMaxAge 0\n" . $wrong . $on,
    'a key file'         => $cookie . "SessionCryptoKeyFile session-keys\n" . $wrong . $on,
    'a certificate'      => $cookie . "SessionCryptoCertificateFile a.pem\nSessionCryptoCertificateKeyFile a.key\n" . $wrong . $on,
    'no list any more'   => $endless . "SessionCryptoRevocation on\nSessionCryptoRevocation off\n" . $wrong . $on,
    'a moment that ends older ones' => $endless . "SessionCryptoNotBefore 2026-11-26T08:00:00Z\n" . $wrong . $on,
    'in a location'      => $endless . inside('Location /shop', $wrong . $on),
    'encrypted in a location' => $wrong . $on . inside('Location /shop', $endless),
    'the age in another location' => $endless . inside('Location /shop', $wrong . $on) . inside('Location /mail', $on . $age),
    'the age is 0 inside' => $endless . $age . inside('Location /shop', $wrong . $on . "SessionMaxAge 0\n"),
    'in one of two hosts' => $endless . host($on . $age) . host($wrong . $on),
    'in all of two hosts' => $endless . $wrong . $on . host('') . host(inside('Location /shop', '')),
});
are_quiet(SC0402 => {
    'an age'             => $endless . $on . $age,
    'a lifetime'         => $endless . $on . $lifetime,
    'a list of ended sessions, which needs a lifetime' => $endless . $on . "SessionCryptoRevocation on\n",
    'the age around it'  => $endless . inside('Location /shop', $age) . inside('Location /shop/cart', $on),
    'the age in every location' => $endless . $on . inside('Location /', $age),
    'the age in a directory, which a request may be in' => $endless . inside('Location /shop', $on) . inside('Directory @DIR@/htdocs/shop', $age),
    'the age in the sections that use sessions' => $endless . $on . inside('Location /shop', $age),
    'the age in each host' => $endless . $on . host($age) . host($age),
    'sessions switched off' => $endless . $off,
    'no sessions'        => $endless,
    'in clear'           => $on . $cookie,
    'encrypted where there are no sessions' => inside('Location /shop', $on . $cookie) . inside('Location /mail', $secret),
});

my $plain = $on . $age . $secret;
are_warned(SC0403 => {
    'a path alone'       => [$plain . $wrong . "SessionCookieName session path=/\n", 'without Secure, HttpOnly and SameSite', "write 'SessionCookieName session path=/;Secure;HttpOnly;SameSite=Lax'"],
    'no SameSite'        => [$plain . $wrong . "SessionCookieName session path=/;secure;httponly\n", 'goes out without SameSite:', "write 'SessionCookieName session path=/;secure;httponly;SameSite=Lax'"],
    'no Secure'          => [$plain . $wrong . "SessionCookieName session path=/; HttpOnly; SameSite=Strict;\n", 'goes out without Secure:', "path=/; HttpOnly; SameSite=Strict;Secure'"],
    'no HttpOnly'        => [$plain . $wrong . "SessionCookieName session path=/;Secure;SameSite=None\n", 'goes out without HttpOnly:'],
    # httpd gives a cookie without attributes HttpOnly and Secure.
    'nothing at all'     => [$plain . $wrong . "SessionCookieName session\n", 'goes out without SameSite:', "write 'SessionCookieName session path=/;Secure;HttpOnly;SameSite=Lax'"],
    'words in a path'    => [$plain . $wrong . "SessionCookieName session path=/Secure/HttpOnly/SameSite\n", 'without Secure, HttpOnly and SameSite'],
    'in a location'      => [$plain . inside('Location /shop', $wrong . "SessionCookieName session path=/\n")],
    'in a host'          => [$plain . host($wrong . "SessionCookieName session path=/\n")],
    'in all of two hosts' => [$plain . $wrong . "SessionCookieName session path=/\n" . host('') . host('')],
    'another header'     => [$plain . $wrong . "SessionCookieName session path=/\n" . qq(Header set X-Note "Secure;HttpOnly;SameSite=Lax"\n)],
    'another directive'  => [$plain . $wrong . "SessionCookieName session path=/\n" . qq(RequestHeader set Set-Cookie "Secure;HttpOnly;SameSite=Lax"\n)],
    'half of them by Header' => [$plain . $wrong . "SessionCookieName session path=/\n" . qq(Header edit Set-Cookie (.*) "\$1;Secure;HttpOnly"\n), 'goes out without SameSite:'],
});
are_quiet(SC0403 => {
    'all of them'        => $plain . $cookie,
    'in other words'     => $plain . "SessionCookieName session\tpath=/shop ;\tHTTPONLY ; samesite = None ; SECURE\n",
    'by Header'          => $plain . "SessionCookieName session path=/\n" . qq(Header always edit Set-Cookie ^(.*)\$ "\$1; HttpOnly; Secure; SameSite=Lax"\n),
    'in a location by Header' => $plain . "SessionCookieName session path=/\n" . inside('Location /', qq(Header edit* Set-Cookie \$ "; HttpOnly; Secure; SameSite=Lax"\n)),
    'where nothing is encrypted' => $on . $age . "SessionCookieName session path=/\n",
    'no cookie'          => $plain,
});
SKIP: {
    my $database = "SessionDBDCookieRemove Off\n";
    $httpd->{config} = $database;
    my ($ok) = $httpd->check;
    skip 'no mod_session_dbd', 2 if !$ok;
    are_warned('SC0403' => {
        'a database' => [$plain . $database . $wrong . "SessionDBDCookieName session path=/\n", "write 'SessionDBDCookieName session path=/;Secure"],
    });
    are_quiet('SC0403' => { 'a database' => $plain . $database . "SessionDBDCookieName session $attributes\n" });
}

my $login = inside('Location /login', $wrong . $form);
are_warned(SC0404 => {
    'in clear'           => [$on . $age . $cookie . $login, "user's password in the session", 'in clear', 'SessionCryptoKeyFile'],
    'the session in the location' => inside('Location /login', $on . $age . $cookie . $wrong . $form),
    'in a directory'     => $on . $age . $cookie . inside('Directory @DIR@/htdocs/shop', $wrong . $form),
    'in a host'          => $on . $age . $cookie . host($login),
    'a passphrase in another location' => $on . $age . $cookie . $login . inside('Location /shop', $secret),
    'a passphrase in another host' => $on . $age . $cookie . host($secret) . host($login),
});
are_quiet(SC0404 => {
    'a passphrase'       => $good . inside('Location /login', $form),
    'a passphrase around it' => $on . $age . $cookie . inside('Location /', $secret) . inside('Location /login', $form),
    'a passphrase in the location' => $on . $age . $cookie . inside('Location /login', $form . $secret),
    'a passphrase in a directory, which a request may be in' => $on . $age . $cookie . inside('Location /login', $form) . inside('Directory @DIR@/htdocs', $secret),
    'no session'         => $cookie . $age . inside('Location /login', $form),
    'another kind'       => $on . $age . $cookie . inside('Location /login', "AuthType Basic\nAuthName shop\n"),
    'another kind inside' => $good . inside('Location /login', $form . inside('If true', "AuthType None\n")),
    'no cookie'          => $on . $age . inside('Location /login', $form),
});

my @formats = ('"\\"%h\\" %{Cookie}i"', '"%h %{Cookie}i"', '"%h %>{Cookie}i"', '"%h %400,500{cookie}i"', '"%h %{session}C"', '"%h %{Set-Cookie}o"', '"%h %{HTTP_SESSION}e"');
are_warned(SC0405 => {
    'debug'              => [$good . $wrong . "LogLevel debug\n", 'LogLevel: the error log gets the cookies of sessions (core:debug)', "write 'core:info' at the end"],
    'in a list'          => [$good . $wrong . "LogLevel warn core:debug session_crypto:info\n", "write 'core:info' at the end"],
    'trace4'             => [$good . $wrong . "LogLevel trace4\n", '(core:debug, http:trace4) and the passwords that users type (auth_form:trace1)', "write 'core:info http:info auth_form:info' at the end"],
    'headers alone'      => [$good . $wrong . "LogLevel warn http_module:Trace5\n", 'gets the cookies of sessions (http:trace4)', "write 'http:info'"],
    'the name of a file' => [$good . $wrong . "LogLevel http_core.c:trace8\n", 'gets the cookies of sessions (http:trace4)'],
    'passwords alone'    => [$good . $wrong . "LogLevel mod_auth_form.c:trace1\n", 'gets the passwords that users type (auth_form:trace1)', "write 'auth_form:info'"],
    'in a location'      => [$good . inside('Location /shop', $wrong . "LogLevel debug\n")],
    'in a directory by a pattern' => [$good . inside('DirectoryMatch ^/shop', $wrong . "LogLevel debug\n")],
    'in a host'          => [$good . host($wrong . "LogLevel debug\n")],
    'inherited by a location with sessions' => [$age . $cookie . $secret . $wrong . "LogLevel debug\n" . inside('Location /shop', $on)],
    map({ ("the format $_" => [$good . $wrong . "CustomLog access_log $_\n", 'CustomLog: the log has sessions or their cookies', 'take ' . (/(\{.*\}.)/)[0] =~ s/^/%/r . ' out']) } @formats),
    'a nickname'         => [$good . qq(LogFormat $formats[0] long\n) . $wrong . "CustomLog access_log long\n", 'take %{Cookie}i out'],
    'errors'             => [$good . $wrong . qq(ErrorLogFormat "[%t] [%-m:%l] %M %{Cookie}i"\n), 'ErrorLogFormat: the log has'],
});
are_quiet(SC0405 => {
    'what is usual'      => $good . "LogLevel info session_crypto:debug\n",
    'debug, but not of the core' => $good . "LogLevel debug core:info\n",
    'trace8 with the advice' => $good . "LogLevel trace8 core:info http:info auth_form:info\n",
    'headers, below the level' => $good . "LogLevel warn http:trace3\n",
    'another module'     => $good . "LogLevel warn alias:trace8\n",
    'a later line'       => $good . "LogLevel debug\nLogLevel info\n",
    'errors as usual'    => $good . qq(ErrorLogFormat "[%t] [%-m:%l] %M %{User-Agent}i"\n),
    'replaced in each host' => $good . "LogLevel debug\n" . host("LogLevel info\n") . host("LogLevel warn\n"),
    'where there are no sessions' => $age . $cookie . $secret . inside('Location /shop', $on) . inside('Location /mail', "LogLevel debug\n"),
    'where nothing is encrypted' => $on . $age . $cookie . "LogLevel trace8\n",
    'the usual format'   => $good . qq(LogFormat "%h %l %u %t \\"%r\\" %>s %b \\"%{Referer}i\\" \\"%{User-Agent}i\\"" combined\nCustomLog access_log combined\n),
    'a nickname that a later line replaces' => $good . qq(LogFormat $formats[0] long\nLogFormat "%h" long\nCustomLog access_log long\n),
    'a format that no log uses' => $good . qq(LogFormat $formats[0] long\nCustomLog access_log common\n),
    'another cookie'     => $good . qq(CustomLog access_log "%h %{language}C"\n),
    'a cookie that is taken off' => $good . $remove . qq(CustomLog access_log "%h %{Cookie}i %{session}C"\n),
    'logs that each host replaces' => $good . "CustomLog access_log $formats[0]\n" . host(qq(CustomLog access_log "%h"\n)),
});
my ($modules) = SessionCrypto::Httpd::_slurp(SessionCrypto::Httpd::env('MODULES')) =~ m{"(.*)/mod_session\.so"};
my %load = map { $_ => "LoadModule ${_}_module $modules/mod_$_.so\n" } grep { defined $modules && -e "$modules/mod_$_.so" } qw(dumpio log_forensic http2 proxy proxy_http);
SKIP: {
    skip 'modules are missing', 2 if keys %load < 5;
    my $proxy = $load{proxy} . $load{proxy_http};
    my $dumps = "LogLevel warn dumpio:trace7\n";
    are_warned(SC0405 => {
        'a dump of requests' => [$good . $load{dumpio} . "DumpIOInput On\n" . $wrong . $dumps, '(dumpio:trace7)', "write 'dumpio:info' at the end"],
        'a dump of answers'  => [$good . $load{dumpio} . "DumpIOOutput On\n" . $wrong . $dumps, '(dumpio:trace7)'],
        'headers over HTTP/2' => [$good . $load{http2} . $wrong . "LogLevel http2:trace2\n", 'cookies of sessions (http2:trace2)'],
        'in <Proxy>'         => [$good . $proxy . inside('Proxy http://backend/', $wrong . "LogLevel http:trace4\n"), '(http:trace4)'],
        'answers of applications' => [$good . "SessionHeader X-S\n" . $proxy . $wrong . "LogLevel proxy_http:trace4\n", 'gets sessions in clear (proxy_http:trace4)', "write 'proxy_http:info' at the end"],
        'each request'       => [$good . $load{log_forensic} . $wrong . "ForensicLog forensic_log\n", 'ForensicLog writes all that requests say'],
    });
    are_quiet(SC0405 => {
        'answers without sessions' => $good . $proxy . "LogLevel proxy_http:trace8\n",
        'no dump'            => $good . $load{dumpio} . $dumps,
        'a dump that is off' => $good . $load{dumpio} . "DumpIOInput Off\n" . $dumps,
        'a dump that nobody logs' => $good . $load{dumpio} . "DumpIOInput On\nLogLevel warn\n",
    });
}

# Places that differ, for each version of httpd.
my %DIFFER = (
    'in a location'      => $good . inside('Location /backend', $wrong . $remove),
    'Off in a location'  => $good . $wrong . $remove . inside('Location /backend', "SessionCookieRemove Off\n"),
    'in one of two locations' => $age . $cookie . $secret . inside('Location /a', $on . $wrong . $remove) . inside('Location /b', $on),
    'in a host'          => $good . host(inside('Location /backend', $wrong . $remove)),
);
are_warned(SC0406 => { map { $_ => [$DIFFER{$_}, 'SessionCookieRemove differs between sections', "httpd 2.$minor.$patch", 'CVE-2026-47360', 'httpd 2.4.69'] } keys %DIFFER }) if $hands_on;
are_quiet(SC0406 => {
    ($hands_on ? () : %DIFFER),
    'everywhere'         => $good . $remove . inside('Location /backend', ''),
    'nowhere'            => $good . inside('Location /backend', ''),
    'in every location'  => $good . inside('Location /', $remove) . inside('Location /backend', ''),
    'hosts that differ'  => $good . host($remove) . host(''),
    'where there is no session' => $good . $remove . inside('Location /static', $off . "SessionCookieRemove Off\n"),
    'another cookie'     => $good . inside('Location /backend', "SessionCookieName other $attributes\n" . $remove),
});

# Codes that are accepted where they would be given, and nowhere else.
my $bad = $on . "SessionCookieName session path=/\n" . $secret;
my $accepts = "SessionCryptoAccept SC0402 SC0403\n";
are_quiet('SessionCryptoAccept' => {
    'at the server'      => $bad . $accepts,
    'before the lines'   => $accepts . $bad,
    'in two lines'       => "SessionCryptoAccept SC0402\nSessionCryptoAccept sc0403\n" . $bad,
    'at the server, for a location' => $accepts . inside('Location /shop', $bad),
    'at the server, for a host' => $accepts . host($bad),
    'in a location'      => inside('Location /shop', $accepts . $bad),
    'in the location around it' => inside('Location /shop', $accepts) . inside('Location /shop/cart', $bad),
    'in <If>'            => inside('If true', $accepts . $bad),
    'in a host'          => host($accepts . $bad),
    'in each host'       => $bad . host($accepts) . host($accepts),
    'a code without a mistake' => "SessionCryptoAccept SC0401 SC0402 SC0403 SC0404 SC0405 SC0406\n" . $good,
    'a unit'             => "SessionCryptoAccept SC0401\n" . $unit . "SessionMaxAge 1h\n",
    'a form'             => "SessionCryptoAccept SC0404\n" . $on . $age . $cookie . inside('Location /login', $form),
    'a log'              => "SessionCryptoAccept SC0405\n" . $good . "LogLevel debug\nCustomLog access_log $formats[0]\n",
    'a cookie that backends get' => "SessionCryptoAccept SC0406\n" . $DIFFER{'in a location'},
});
are_warned(SC0403 => {
    'another code is accepted' => $plain . "SessionCryptoAccept SC0401 SC0402 SC0404 SC0405 SC0406\n" . $wrong . "SessionCookieName session path=/\n",
    'accepted in one of two hosts' => $plain . $wrong . "SessionCookieName session path=/\n" . host("SessionCryptoAccept SC0403\n") . host(''),
    'accepted in another location' => $plain . inside('Location /shop', "SessionCryptoAccept SC0403\n") . inside('Location /mail', $wrong . "SessionCookieName session path=/\n"),
});
for my $word ('SC0407', 'SC040', 'all', 'SC0401,SC0402') {
    $httpd->{config} = $good . "SessionCryptoAccept SC0401 $word\n";
    is_wrong($httpd, "no code: $word", 'SessionCryptoAccept', "'$word' is no code", 'SC0401, SC0402, SC0403, SC0404, SC0405, SC0406');
}

# A farm does not fill the log: five lines of a code, and one that counts the rest.
{
    $httpd->{config} = $secret . $age . join '', map { host("${on}SessionCookieName session path=/\n") } 1 .. 500;
    my ($ok, $output) = $httpd->check;
    my @lines = $output =~ /session_crypto:warn\] .*?(SC\d+: .*)/g;
    is(@lines, 6, 'six lines for 500 hosts') or diag($output);
    like($lines[5] // '', qr/^SC0403: 495 more lines have the same mistake, the next on line \d+ of/, 'the last counts the rest');
}

# A file that each host includes is one place.
$httpd->write_file('each.conf', "${wrong}SessionCookieName session path=/\n");
$httpd->{config} = $secret . $age . $on . host("Include $dir/each.conf\n") x 3;
{
    my ($ok, $output) = $httpd->check;
    is(scalar(() = $output =~ /SC0403: on line 2 of \Q$dir\E\/each\.conf: /g), 1, 'one line for a file that each host includes') or diag($output);
    is(scalar(() = $output =~ /session_crypto:/g), 1, 'and no more');
}

# An httpd that starts warns in its log, once, and again when it restarts.
{
    my $other = SessionCrypto::Httpd->new(name => 'startup-warnings-log', session => '', accept => '', config => $good . "SessionMaxAge 1h\n" . host(''))->start;
    my $count = sub { scalar(() = $other->log->lines(qr/\[session_crypto:warn\] .*SC0401: on line \d+ of .*write 'SessionMaxAge 3600'/)) };
    is($count->(), 1, 'error_log has the warning once');
    $other->graceful;
    is($count->(), 2, 'and again after a restart');
    $other->stop;
    $other->log->expect(qr/SC0401: /, 'this one');
    $other->log->clean;
}

done_testing;
