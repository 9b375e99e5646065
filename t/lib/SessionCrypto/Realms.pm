package SessionCrypto::Realms;

# A server with a directory for each realm. A realm is the settings that a section
# encrypts with; no encryption is a realm too. Each directory has one below it for each
# way of leading on and each realm that the way leads to.
#
#   my $site = SessionCrypto::Realms->new(module => 'ours', store => 'cookie', cipher => 'aes256', max_age => 1);
#   $site->start;
#   for my $cell ($site->cells) {
#       for my $case ($site->cases($cell)) {
#           my @wrong = $site->wrong($case);     # a kind and words for each mistake
#       }
#   }
#
# With `lifetime => 1`, sessions begin at a time, and those of each realm at another one.
#
# A user of a realm is called joe-REALM, and has a session in that realm only. Each
# request should see and save the same as if the client had asked for it directly,
# whichever way httpd came to it. `allowed` is the rule.

use strict;
use warnings;

use Time::HiRes qw(sleep time);

use SessionCrypto::Certificates ();
use SessionCrypto::Database     qw($CONNECTION $STATEMENTS);
use SessionCrypto::Httpd        ();
use SessionCrypto::Session      qw(decode);
use SessionCrypto::Ways         qw(ways);

use constant MAX_AGE => 3600;

# Long passphrases that no list of bad ones has, so that httpd does not warn.
use constant {
    ONE    => 'the first passphrase of the table',
    TWO    => 'the second passphrase of the table',
    AUTHOR => 'a passphrase of an author alone',
};

my @REALMS = (
    { name => 'clear',  lines => sub { '' } },
    { name => 'one',    lines => sub { passphrase(ONE, $_[0]{cipher}) } },
    { name => 'alike',  lines => sub { passphrase(ONE, $_[0]{cipher}) }, like => 'one' },
    { name => 'two',    lines => sub { passphrase(TWO, $_[0]{cipher}) } },
    { name => 'author', lines => sub { passphrase(AUTHOR, $_[0]{cipher}) }, htaccess => 1 },
    { name => 'shop',   lines => sub { passphrase(ONE, 'aes-256-gcm') . "SessionCryptoPurpose shop\n" }, ours => 1 },
    { name => 'mail',   lines => sub { passphrase(ONE, 'aes-256-gcm') . "SessionCryptoPurpose mail\n" }, ours => 1 },
    { name => 'cert',   lines => sub { $_[0]->certificate }, ours => 1 },
    # The same without sessions; requests are only led to these.
    { name => 'clear-off',  lines => sub { "Session Off\n" },                                      like => 'clear',  off => 1 },
    { name => 'one-off',    lines => sub { passphrase(ONE, $_[0]{cipher}) . "Session Off\n" },    like => 'one',    off => 1 },
    { name => 'author-off', lines => sub { passphrase(AUTHOR, $_[0]{cipher}) . "Session Off\n" }, like => 'author', off => 1, htaccess => 1 },
);

# Realms that a <Files> section can make of the one around it. A section can replace
# settings, but not unset them.
my %WITHIN = (
    clear  => [qw(one alike two shop mail cert clear)],
    one    => [qw(one alike two shop mail)],
    alike  => [qw(one alike two shop mail)],
    two    => [qw(one alike two shop mail)],
    author => [qw(one alike two shop mail)],
    shop   => [qw(shop mail)],
    mail   => [qw(shop mail)],
    cert   => [qw(cert)],
);

# Two ways in a row: the second starts in the realm that the first leads to.
my @CHAINS = (
    { name => 'ErrorDocument 404 and DirectoryIndex',  ways => [qw(error404 index)] },
    { name => "a CGI program's Location and RewriteRule", ways => [qw(cgi rewrite-htaccess)] },
    { name => 'FallbackResource and SSI include',      ways => [qw(fallback include)] },
);

# Pages print their realm, and every variable that could hold a session.
my $LUA = <<'END';
function handle(r)
    r.content_type = "text/plain"
    r.headers_out["X-S"] = r.headers_in["X-Set"]
    r:puts("REALM=%s\n")
    for _, name in ipairs({"HTTP_SESSION", "SESSION_BEGAN"}) do
        for _ = 1, 6 do
            r:puts(name, "=", r.subprocess_env[name] or "", "\n")
            name = "REDIRECT_" .. name
        end
    end
    return apache2.OK
end
END
# Reads /proc, because a shell drops the second of two variables with one name.
my $CGI = <<'END';
#!/bin/sh
echo 'Content-Type: text/plain'
[ -n "$HTTP_X_SET" ] && echo "X-S: $HTTP_X_SET"
echo
echo REALM=%s
tr '\0' '\n' < /proc/$$/environ
END
my %PAGE = (
    lua   => [$LUA, 0644],
    cgi   => [$CGI, 0755],
    shtml => [qq(REALM=%s\n<!--#printenv -->\n), 0644],
    html  => ["%s\n", 0644],
);

my $COMMON = <<'END';
AddType text/plain .lua
AddType text/html .html .shtml
AddLanguage de .de
AddLanguage en .en
AddLanguage fr .fr
AddLanguage it .it
AddLanguage nl .nl
AddLanguage pl .pl
AddHandler lua-script .lua
AddHandler cgi-script .cgi
<IfModule mod_asis.c>
    AddHandler send-as-is .asis
</IfModule>
<IfModule mod_include.c>
    AddOutputFilter INCLUDES .shtml
</IfModule>
<IfModule mod_negotiation.c>
    AddHandler type-map .var
</IfModule>
<IfModule mod_cgid.c>
    ScriptSock "@DIR@/cgisock"
</IfModule>
<IfModule mod_dir.c>
    DirectoryIndex disabled
</IfModule>
<Directory "@DIR@/htdocs">
    AllowOverride All
    Options ExecCGI Includes FollowSymLinks
</Directory>
# A login on the way, for requests that post one.
<LocationMatch "^/[^/]+/[^/]+/[^/]+/">
    <If "%{REQUEST_METHOD} == 'POST'">
        AuthType Form
        AuthName private
        AuthFormProvider file
        AuthUserFile "@DIR@/users"
        Require valid-user
    </If>
</LocationMatch>
Session On
SessionEnv On
SessionHeader X-S
END
my $COOKIE = "SessionCookieName session path=/\n";
my $IN_DATABASE = <<'END';
SessionDBDCookieName session path=/
# Without it, the cookie is gone after the first request of a chain.
SessionDBDCookieRemove Off
END

# The hash of `correct`, made by `openssl passwd -apr1`.
my $USERS = 'joe:$apr1$WGkoydIX$2PFx9TKMAAtRIMO9l3zIj0' . "\n";
my $LOGIN = 'httpd_username=joe&httpd_password=correct';

sub new {
    my ($class, %args) = @_;
    my $self = bless {%args}, $class;
    my @realms = grep { $args{module} eq 'ours' || !$_->{ours} } @REALMS;
    if ($args{realms}) {
        my %wanted = map { $_ => 1 } @{ $args{realms} };
        @realms = grep { $wanted{ $_->{name} } } @realms;
    }
    $self->{realms} = { map { $_->{name} => $_ } @realms };
    $self->{order}  = [map { $_->{name} } @realms];
    my ($lua) = SessionCrypto::Httpd::env('LUA') =~ m{^(.*)/};
    $self->{httpd} = SessionCrypto::Httpd->new(
        name => "realms_$args{module}_$args{store}", module => $args{module}, session => '', one_child => 1,
        echo => '^/echo', handlers => qq(LuaMapHandler ^/sql "$lua/sql.lua"));
    $self->{ways} = [grep { can_do($_) } ways()];
    return $self;
}

sub httpd { return $_[0]{httpd} }
sub name  { my ($self) = @_; return join ', ', grep { length } @$self{qw(module store cipher)}, $self->{max_age} ? 'SessionMaxAge' : '', $self->{lifetime} ? 'SessionCryptoMaxLifetime' : '' }

# The ways for which this httpd lacks a module.
sub missing { return grep { !can_do($_) } ways() }

sub can_do {
    my ($way) = @_;
    return !grep { !-e modules() . "/mod_$_.so" } @{ $way->{needs} // [] };
}

sub modules { my ($dir) = SessionCrypto::Httpd::env('C_MODULE') =~ m{^(.*)/}; return $dir }

sub passphrase { my ($secret, $cipher) = @_; return qq(SessionCryptoPassphrase "$secret"\nSessionCryptoCipher $cipher\n) }

sub certificate {
    my ($self) = @_;
    my $pair = $self->{pair} //= SessionCrypto::Certificates::certificate($self->{httpd}->dir, 'realm', 'ec:P-256');
    return "SessionCryptoCertificateFile $pair->{certificate}\nSessionCryptoCertificateKeyFile $pair->{key}\n";
}

# Whether two realms encrypt with the same settings.
sub same {
    my ($self, $one, $two) = @_;
    my ($like_one, $like_two) = map { $self->{realms}{$_}{like} // $_ } $one, $two;
    return $like_one eq $like_two;
}

sub start {
    my ($self) = @_;
    my $httpd = $self->{httpd};
    $httpd->write_file('mime.types', '');
    $httpd->write_file('users',      $USERS);
    # mod_cgi waits in steps of 47 ms for a program that has closed its output
    # (apr_pools.c).
    my ($cgi) = grep { -e modules() . "/mod_$_.so" } qw(cgid cgi);
    my $load = join '', map { -e modules() . "/mod_$_.so" ? "LoadModule ${_}_module @{[modules()]}/mod_$_.so\n" : () }
        qw(mime dir negotiation rewrite actions asis include autoindex), $cgi;
    # Without this line, mod_mime wants its default file.
    $load .= qq(TypesConfig "\@DIR\@/mime.types"\n);
    my $config = $load . $COMMON . ($self->{max_age} ? 'SessionMaxAge ' . MAX_AGE . "\n" : '');
    $config .= $self->realm_config($_) for @{ $self->{order} };
    $config .= $self->cell_config($_) for @{ $self->{cells} = [$self->make_cells] };
    if ($self->{store} eq 'database') {
        # A child prepares statements when it starts, so the table has to be there.
        $httpd->{config} = $load . $CONNECTION;
        $httpd->start;
        $httpd->client->get('/sql', 'X-Sql' => 'create table session (key text primary key, value text, expiry integer)');
        $httpd->stop;
        $config .= $CONNECTION . $STATEMENTS . $IN_DATABASE;
    }
    else {
        $config .= $COOKIE;
    }
    $httpd->{config} = $config;
    $httpd->start;
    $self->{client} = $httpd->client;
    $self->begin_sessions if $self->{lifetime};
    return $self;
}

sub realm_config {
    my ($self, $name) = @_;
    my ($realm, $httpd) = ($self->{realms}{$name}, $self->{httpd});
    for my $kind (qw(lua cgi shtml)) {
        $httpd->write_file("htdocs/$name/page.$kind", page($kind, $name));
    }
    my $lines = $self->lines($name);
    $httpd->write_file("htdocs/$name/.htaccess", $lines) if $realm->{htaccess};
    return qq(<Directory "\@DIR\@/htdocs/$name">\n) . ($realm->{htaccess} ? '' : $lines) . "</Directory>\n";
}

# The settings of a realm.
sub lines {
    my ($self, $name) = @_;
    my $lines = $self->{realms}{$name}{lines}->($self);
    return $lines . ($self->{lifetime} && $lines =~ /SessionCrypto/ ? "SessionCryptoMaxLifetime 1h\n" : '');
}

# The text and the mode of a page.
sub page {
    my ($kind, $realm) = @_;
    my ($text, $mode) = @{ $PAGE{$kind} };
    return (sprintf($text, $realm), $mode);
}

# A cell is a way, and the realms that the request goes through, in order.
sub make_cells {
    my ($self) = @_;
    my @from = grep { !$self->{realms}{$_}{off} } @{ $self->{order} };
    my @cells;
    for my $way (@{ $self->{ways} }) {
        for my $from (@from) {
            my @to = $way->{own} ? grep { $self->{realms}{$_} } @{ $WITHIN{$from} } : @{ $self->{order} };
            @to = grep { $self->is_of_use($from, $_) } @to;
            push @cells, map { { way => $way, name => $way->{name}, chain => [$from, $_], start => "/$from/$way->{key}/$_/" } } @to;
        }
    }
    return (@cells, $self->make_chains(@from));
}

# The pairs of realms: each with each, without the doubles.
sub is_of_use {
    my ($self, $from, $to) = @_;
    my %few = map { $_ => 1 } $from eq 'alike' || $to eq 'alike' ? qw(clear one two alike) : qw(clear one author cert);
    return 1 if !grep { $_ eq 'alike' || $self->{realms}{$_}{off} } $from, $to;
    return $few{$from} && ($few{$to} || $self->{realms}{$to}{off});
}

# Chains of three: there and back, and on by way of a third realm.
sub make_chains {
    my ($self, @from) = @_;
    my %way = map { $_->{key} => $_ } @{ $self->{ways} };
    my @cells;
    for my $chain (@CHAINS) {
        my ($first, $second) = @way{ @{ $chain->{ways} } };
        next if !$first || !$second;
        for my $from (@from) {
            for my $to (grep { $self->is_of_use($from, $_) } @from) {
                my ($third) = grep {
                    !$self->same($_, $from) && !$self->same($_, $to) && $self->is_of_use($from, $_) && $self->is_of_use($_, $to)
                } @from;
                next if !$third;
                my %cell = (way => { %$first, leads => $second->{leads}, page => $second->{page} }, name => $chain->{name},
                    reads_again => !$first->{fast} && ($second->{fast} || $second->{leads} ne 'on'));
                my $start = sub { "/$from/$first->{key}-$second->{key}-$_[0]/$to/" };
                my $next  = sub { "/$_[0]/$second->{key}/$to/$second->{url}" };
                push @cells, { %cell, chain => [$from, $third, $to], start => $start->($third), next => $next->($third) };
            }
        }
    }
    return @cells;
}

sub cell_config {
    my ($self, $cell) = @_;
    my ($from, $to) = @{ $cell->{chain} }[0, -1];
    my ($dir) = $cell->{start} =~ m{^/(.*)/};
    my $file = sub { my ($name, @rest) = @_; $self->{httpd}->write_file("htdocs/$dir/$name", @rest) };
    return $cell->{way}{make}->({
        dir    => $dir,
        from   => $from,
        file   => $file,
        own    => $cell->{way}{own},
        target => $cell->{next} // "/$to/page.$cell->{way}{page}",
        files  => sub {
            my ($names, @pages) = @_;
            for my $page (@pages) {
                my ($kind) = $page =~ /\.(lua|html)/;
                $file->($page, page($kind, $page =~ /$names/ ? $to : $from));
            }
            my $lines = $self->lines($to);
            return qq(<Directory "\@DIR\@/htdocs/$dir">\n<FilesMatch "$names">\n$lines</FilesMatch>\n</Directory>\n);
        },
    });
}

sub cells { return @{ $_[0]{cells} } }

# The page that answers, and the request of the chain that is saved.
sub answers { my ($cell) = @_; return $cell->{chain}[$cell->{way}{leads} eq 'past' ? 0 : -1] }

sub saves {
    my ($cell) = @_;
    return $cell->{chain}[-1] if $cell->{way}{leads} eq 'on';
    return $cell->{chain}[ @{ $cell->{chain} } == 3 ? 1 : 0 ];
}

# Requests with the cookie of each realm of the chain; with a session header of the
# first; with a login in the first.
sub cases {
    my ($self, $cell) = @_;
    my @chain = @{ $cell->{chain} };
    my $among = (grep { !$self->same($_, $chain[0]) } @chain) ? '' : ' in one realm';
    my (%seen, @cases);
    for my $realm (@chain) {
        next if $self->{realms}{$realm}{off} || $seen{$realm}++;
        my $kind = ($realm eq $chain[0] ? 'a session of the first' : 'a session of a later one') . $among;
        push @cases, { cell => $cell, kind => $kind, cookie => $realm, url => $cell->{way}{url}, does => "with a session of $realm" };
    }
    push @cases, { cell => $cell, kind => "a session header$among", header => 1, url => $cell->{way}{header}, does => 'with a session header' }
        if defined $cell->{way}{header};
    push @cases, { cell => $cell, kind => "a login$among", login => 1, url => $cell->{way}{login}, does => 'with a login' }
        if defined $cell->{way}{login};
    $_->{name} = "$cell->{name}: " . join(' to ', @chain) . " $_->{does}" for @cases;
    return @cases;
}

# The rule: the session that a request in a realm may know. It is the user of that
# realm's cookie, or the login made in the realm. The request that is saved also has the
# header put there.
sub expected {
    my ($self, $case, $realm) = @_;
    # mod_session_dbd reads the row again for each request of a chain of redirects.
    my $way = $case->{cell}{way};
    return '' if $case->{login} && $self->{store} eq 'database' && !$way->{fast} && $way->{leads} eq 'on';
    return $self->allowed($case, $realm);
}

# The session of the page that answers. mod_session_cookie reads the cookie again for a
# subrequest of a redirected request.
sub expected_page {
    my ($self, $case, $realm) = @_;
    return '' if $case->{login} && $case->{cell}{reads_again};
    return $self->expected($case, $realm);
}

# The session that a realm may know, perhaps from an earlier request, or from one
# without sessions.
sub allowed {
    my ($self, $case, $realm) = @_;
    return "user=joe-$case->{cookie}" if defined $case->{cookie} && $self->same($case->{cookie}, $realm);
    return 'private-user=joe' if $case->{login} && $self->same($case->{cell}{chain}[0], $realm);
    return '';
}

# The claims that do not hold, each as a kind and words.
sub wrong {
    my ($self, $case) = @_;
    my $cell = $case->{cell};
    my ($answers, $saves, $first) = (answers($cell), saves($cell), $cell->{chain}[0]);
    my $page = $cell->{way}{leads} eq 'on' && $cell->{way}{page} ne 'shtml';
    my @headers = (Accept => 'text/plain');
    push @headers, 'X-Set' => 'new=1' if $page && !$self->{max_age};
    push @headers, session => $self->genuine($case->{cookie}) if defined $case->{cookie};
    $self->refusals;
    my $url   = $cell->{start} . $case->{url};
    my $begin = int time;
    my $res = $case->{login} ? $self->{client}->post($url, $LOGIN, @headers) : $self->{client}->get($url, @headers);
    my ($realm, $shown, $all, $outer) = parse($res->body);
    my ($began, $all_began, $outer_began) = births($res->body);
    my $token = $res->token;
    $case->{answer} = join "\n", $res->status, (map { "Set-Cookie: $_" } $res->header('set-cookie')), $res->body;
    # mod_session_dbd gives a session another key when it saves it.
    delete $self->{genuine}{ $case->{cookie} } if defined $case->{cookie} && $self->{store} eq 'database' && defined $token;

    my @wrong;
    my $say = sub { my ($kind, $words) = @_; push @wrong, [$kind, $words] };
    $say->('astray', "got $url: status " . $res->status . ", realm '$realm', not $answers: " . substr $res->body, 0, 300)
        if $realm ne $answers;
    my $expected = $self->expected_page($case, $answers);
    my $found    = who($shown);
    $say->(length $found ? 'became' : 'lost', "HTTP_SESSION in $answers is '$shown', not '$expected'")
        if $found ne $expected && !$self->{realms}{$answers}{off};
    my $allowed = $self->allowed($case, $answers);
    my @foreign = grep { who($_) && who($_) ne $allowed } @$all;
    $say->('shown', "environment in $answers: @foreign") if @foreign;
    my $birth = defined $case->{cookie} ? $self->{births}{ $case->{cookie} } // '' : '';
    # A login has a birth once it is saved, which a page may see that is included later.
    my $is_birth = sub { $_[0] eq $birth || $case->{login} && $_[0] >= $begin };
    $say->('lost', "SESSION_BEGAN in $answers is '$began', not '$birth'") if length $found && !$self->{realms}{$answers}{off} && !$is_birth->($began);
    @foreign = grep { !length $allowed || !$is_birth->($_) } @$all_began;
    $say->('shown', "SESSION_BEGAN in $answers: @foreign") if @foreign;
    my $own = $self->expected($case, $saves);
    for my $seen (@$outer_began) {
        $say->('lost', "SESSION_BEGAN of the page around is '$seen', not that of '$own'") if length $own ? !$is_birth->($seen) : length $seen;
    }
    for my $seen (@$outer) {
        $say->(length who($seen) ? 'became' : 'lost', "HTTP_SESSION of the page around is '$seen', not '$own'") if who($seen) ne $own;
    }
    $own = 'user=admin' if $case->{header} && !grep { !$self->same($_, $saves) } @{ $cell->{chain} };
    # The module does not open a token of its own making as if the client had sent it.
    my @refused = $self->refusals;
    $say->('refused', "@refused") if @refused && $case->{kind} =~ / in one realm$/;
    push @wrong, $self->wrong_token($case, $token, $saves, $own, { @headers }->{'X-Set'});
    return @wrong;
}

# A token that is sent opens in the realm where it is saved, has the right session
# there, and opens in no other realm.
sub wrong_token {
    my ($self, $case, $token, $saves, $own, $set) = @_;
    my @wrong;
    my $say = sub { my ($kind, $words) = @_; push @wrong, [$kind, $words] };
    if ($self->{realms}{$saves}{off}) {
        $say->('sent', "'$token' is sent without a session") if defined $token;
        return @wrong;
    }
    if (!length($token // '')) {
        $say->('unsaved', "no session is sent with '$set' or '$own'")
            if $set || $own && ($case->{login} || $case->{header} || $self->{max_age});
        return @wrong;
    }
    my $stored  = $self->{store} eq 'database' ? $self->stored($token) : $token;
    my $session = $self->open($saves, $token);
    my $clear   = $self->same($saves, 'clear');
    # Base64 may end in `new=`, but nothing follows its padding.
    $say->('clear', "'$stored' is in clear") if !$clear && $stored =~ /(?:user|new)=[^=]/;
    $say->(!length who($session) ? 'lost' : $clear ? 'clear' : 'became', "what is sent is '$session' in $saves, not '$own'")
        if who($session) !~ /^\Q$own\E(?:,|$)/;
    $say->('unsaved', "'$set' is not in '$session'") if $set && $session !~ /new=1/ && $own ne 'user=admin';
    # No other key opens the token.
    return @wrong if $session =~ /user=|new=/;
    for my $other (grep { !$self->{realms}{$_}{off} && !$self->same($_, $saves) } @{ $case->{cell}{chain} }) {
        my $there = $self->open($other, $token);
        $say->('foreign', "what $saves sends is '$there' in $other") if $there =~ /user=|new=/;
    }
    return @wrong;
}

# A session of a realm's own, asked for directly.
sub genuine {
    my ($self, $realm) = @_;
    return $self->{genuine}{$realm} //= $self->{client}->get("/$realm/page.lua", 'X-Set' => "user=joe-$realm")->token
        // die "no session of $realm\n";
}

# Makes a session of each realm, one a second, so that each birth is another one.
sub begin_sessions {
    my ($self) = @_;
    my $last = 0;
    for my $realm (grep { !$self->{realms}{$_}{off} } @{ $self->{order} }) {
        sleep 0.01 while time < $last + 1;
        my $res = $self->{client}->get("/$realm/page.lua", session => $self->genuine($realm));
        ($self->{births}{$realm}) = births($res->body);
        $last = $self->{births}{$realm} || $last;
    }
    my %seen;
    my @births = grep { length } values %{ $self->{births} };
    die "births that are alike: @births\n" if !@births || grep { $seen{$_}++ } @births;
    return;
}

sub open {
    my ($self, $realm, $token) = @_;
    my ($at, $session) = parse($self->{client}->get("/$realm/page.lua", session => $token)->body);
    die "/$realm/page.lua says '$at'\n" if $at ne $realm;
    return $session;
}

sub stored {
    my ($self, $key) = @_;
    die "'$key' is no key\n" if $key !~ /^[0-9a-f-]{36}$/;
    my $body = $self->{client}->get('/sql', 'X-Sql' => "select value from session where key = '$key'")->body;
    return $body =~ s/\n\z//r;
}

# The lines about refused tokens since the last call.
sub refusals {
    my ($self) = @_;
    my $log = $self->{error_log} //= do {
        CORE::open(my $file, '<', $self->{httpd}->dir . '/error_log') or die "error_log: $!\n";
        $file;
    };
    seek $log, 0, 1;
    return grep { /session refused/ } <$log>;
}

# The user of a session, as `expected` says it.
sub who {
    my $session = decode($_[0] // '');
    return join '&', map { defined $session->{$_} ? "$_=$session->{$_}" : () } qw(user private-user);
}

# The realm of a page, its session, all sessions anywhere in the environment, and those
# of the page around it.
sub parse {
    my ($body) = @_;
    $body =~ s/&amp;/&/g;
    $body =~ s/&#61;/=/g;
    my ($realm)   = $body =~ /^REALM=(.*)$/m;
    my ($session) = $body =~ /^HTTP_SESSION=(.*)$/m;
    my @all       = $body =~ /^(?:REDIRECT_)*HTTP_SESSION=(.+)$/mg;
    my @outer     = $body =~ /^OUTER=(.*)$/mg;
    return ($realm // '', $session // '', \@all, [map { $_ eq '(none)' ? '' : $_ } @outer]);
}

# The birth that a page shows, all births anywhere in its environment, and those of the page
# around it.
sub births {
    my ($body) = @_;
    my ($began) = $body =~ /^SESSION_BEGAN=(.*)$/m;
    my @all     = $body =~ /^(?:REDIRECT_)*SESSION_BEGAN=(.+)$/mg;
    my @outer   = $body =~ /^OUTER_BEGAN=(.*)$/mg;
    return ($began // '', \@all, [map { $_ eq '(none)' ? '' : $_ } @outer]);
}

1;
