# Graceful restarts under a client that never stops asking: no request fails, the parent
# does not grow, changes are in force, and nothing is left behind.

use strict;
use warnings;

use File::Copy qw(copy);
use Test::More;
use Time::HiRes qw(sleep time);

use SessionCrypto::Clients qw(start_client stop_client);
use SessionCrypto::Httpd   ();
use SessionCrypto::Store   ();

use constant {
    RESTARTS => 50,
    # The first restarts fill the pools and tables of httpd and OpenSSL.
    WARM_UP => 10,
    # One leaked page a restart would be 160 KiB in 40 restarts. malloc and the page
    # cache of mapped libraries grow by less than that.
    GROWTH_KIB => 160,
    # Short pauses of the client and between restarts, so that requests meet each
    # restart.
    PAUSE      => 0.005,
    BETWEEN    => 0.05,
    SECONDS    => 60,
};

my $module = SessionCrypto::Httpd::module_path('ours');
my $httpd  = SessionCrypto::Httpd->new(module => '/nonexistent');
my $copy   = $httpd->dir . '/mod_session_crypto.so';
my $store  = SessionCrypto::Store->new;
install_module();
$httpd->{module} = $copy;
$httpd->{config} = "SessionCryptoRevocation @{[$store->url]} file=ended\n" . <<'END';
SessionCryptoPassphraseFile keys
<Location /after>
    SessionCryptoPassphrase new
</Location>
# Threads of the parent derive its keys, and restarts keep them.
<Location /jwe>
    SessionCryptoCipher aes-256-gcm
</Location>
END
$httpd->write_file('keys', "old\n", 0600);
$httpd->start;
my $client   = $httpd->client(asks_again => 1);
my $token    = $client->get('/', 'X-S' => 'user=joe')->token;
my $jwe      = $client->get('/jwe', 'X-S' => 'user=joe')->token;

my $asking = start_client(\&ask);
my ($rss_warm, $rss_end);
for my $number (1 .. RESTARTS) {
    eval { $httpd->graceful; 1 } or BAIL_OUT("restart $number: $@");
    sleep BETWEEN;
    $rss_warm = rss() if $number == WARM_UP;
    # The token of the running client stays good, because the old key still opens.
    $httpd->write_file('keys', "new\nold\n", 0600) if $number == RESTARTS / 2;
}
$rss_end = rss();
my ($asked, @failures) = stop_client($asking);

cmp_ok($asked, '>', RESTARTS, "a client asked all the time ($asked requests)");
is_deeply(\@failures, [], 'no request failed');
cmp_ok($rss_end - $rss_warm, '<=', GROWTH_KIB, "the parent does not grow: $rss_warm KiB, then $rss_end KiB");

my $new = $client->get('/', 'X-S' => 'user=joe')->token;
is($client->get('/after', session => $new)->body, 'user=joe', 'sessions are sealed under the new passphrase');
is($client->get('/after', session => $token)->body, '', 'which is not the old one');
is($client->get('/', session => $token)->body, 'user=joe', 'that still opens');

# `apachectl graceful` runs this before it restarts a running server.
$httpd->write_file('keys', "# nothing\n", 0600);
my ($ok, $output) = $httpd->check;
ok(!$ok, 'httpd -t refuses a passphrase file that was emptied');
$httpd->write_file('keys', "new\nold\n", 0600);

# A thread-local with a destructor, or anything else that pins the shared object, would
# keep the old build in the parent, and in every child after it.
my $inode = (stat $copy)[1];
install_module();
isnt((stat $copy)[1], $inode, 'a new build is another file');
$httpd->graceful;
my @mapped = builds($httpd->pid);
ok(scalar(@mapped), 'the parent has the module');
is_deeply([grep { /\(deleted\)/ } @mapped], [], 'not the old build');
is_deeply([grep { (split)[4] != (stat $copy)[1] } @mapped], [], 'but the new one');
is($client->get('/jwe', session => $jwe)->body, 'user=joe', 'the new build has the keys of JWE');
is($client->get('/', session => $token)->body, 'user=joe', 'the new build opens the sessions of the old');

is_deeply([old_children()], [], 'no child has the old build: the generations before are gone');
my @all = $httpd->children;
$httpd->stop;
is_deeply([grep { -e "/proc/$_" && !is_zombie($_) } @all], [], 'no child is left behind');

my @derived = map { $_ =~ SessionCrypto::ErrorLog::DERIVED } $httpd->log->lines(SessionCrypto::ErrorLog::DERIVED);
# Beside a list of ended sessions, those of the classic format have one, too.
is_deeply(\@derived, [2], 'a key for each passphrase, and none for a restart');

$store->expect_in($httpd->log);
$httpd->log->expect(qr/AH03490/, 'children of many former configurations take all places for a while');
$httpd->log->expect(qr/\[session_crypto:info\] .*\[client /, 'the token of the retired key');
$httpd->log->clean;

done_testing;

# Installs as installers do: a new file takes the name of the old one.
sub install_module {
    copy($module, "$copy.new") or die "$copy.new: $!\n";
    chmod 0755, "$copy.new";
    rename "$copy.new", $copy or die "$copy: $!\n";
    return;
}

sub rss {
    open my $file, '<', '/proc/' . $httpd->pid . '/status' or die "status: $!\n";
    my ($rss) = map { /^VmRSS:\s+(\d+)/ } <$file>;
    return $rss;
}

# The mappings of the module in a process.
sub builds {
    my ($pid) = @_;
    open my $file, '<', "/proc/$pid/maps" or return;
    return grep { /mod_session_crypto\.so/ } <$file>;
}

sub is_zombie {
    my ($pid) = @_;
    open my $file, '<', "/proc/$pid/stat" or return 1;
    return (<$file> // '') =~ /\) Z /;
}

# The children that still have an older build, after time to end.
sub old_children {
    my $deadline = time + SECONDS;
    my @old;
    while (time < $deadline) {
        @old = grep { grep { /\(deleted\)/ } builds($_) } $httpd->children or last;
        sleep 0.1;
    }
    return @old;
}

# Asks while it goes on, and returns how often, and what failed.
sub ask {
    my ($goes_on) = @_;
    my ($asked, @failures) = (0);
    while ($goes_on->(PAUSE)) {
        my $res = eval { $client->get('/', session => $token) };
        $asked++;
        next if $res && $res->status == 200 && $res->body eq 'user=joe';
        push @failures, $@ || 'status ' . $res->status . ', body ' . $res->body;
    }
    return ($asked, @failures);
}
