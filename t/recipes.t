# Each recipe of docs/recipes.md works as it is printed: the lines and commands are read from
# the page. Its new key loses no session, and whoever reads what the page lists gains no more
# than it says. t/tpm.t and t/gssapi.t have the recipes of a TPM and of mod_auth_gssapi, and
# t/documentation.t runs those of hardware tokens.
#
# Stand-ins: `systemctl`, for which this test loads the credentials as systemd does (tools/systemd
# has a real one); `kubectl` and the kubelet; a server with TLS that answers as Vault does.

use strict;
use warnings;

use File::Path      qw(make_path remove_tree);
use IO::Socket::SSL ();
use MIME::Base64    qw(decode_base64);
use POSIX           ();
use Test::More;

use SessionCrypto::Certificates qw(server_certificate);
use SessionCrypto::Engines      qw(in_each_child process_handler);
use SessionCrypto::Httpd        ();
use SessionCrypto::KeySets      qw(key_id);
use SessionCrypto::Preload      qw(preload);
use SessionCrypto::Recipes      qw(need_systemd_creds);
use SessionCrypto::Startup      qw(SECRET);
use SessionCrypto::System       qw(need_program read_file run write_file);
use SessionCrypto::Waiting      qw(wait_until);

# The lead of the page's rotations, in seconds.
use constant LEAD => 3600;
# All children have the keys of a changed file within so many seconds.
use constant SECONDS => 30;

my $libraries = preload(SessionCrypto::Httpd->new(name => 'recipes-libraries')->dir, qw(clock haste));

subtest 'systemd credentials' => sub {
    my $httpd = server('recipes-systemd');
    my $dir   = $httpd->dir;
    local %ENV = %ENV;
    need_systemd_creds($dir);
    my $recipe = SessionCrypto::Recipes->new($httpd, 'Keys from systemd credentials',
        '/etc/credstore.encrypted' => "$dir/credstore", '/run/credentials/apache2.service' => "$dir/credentials", '/dev/shm' => "$dir/memory");
    my ($make, $roll) = $recipe->texts('sh');
    make_path("$dir/memory");
    $recipe->stand_in('systemctl', qq(#!/bin/sh\necho "\$*" >>'$dir/systemctl'\n));

    my $in_clear = sub { return join ' ', glob("$dir/memory/*"), grep { -e } "$dir/session-keys" };
    $recipe->works($make, 'a key');
    my ($name, $stored) = $recipe->text('ini') =~ /^LoadCredentialEncrypted=([^:]+):(.+)$/m or die "no credential\n";
    is($in_clear->(), '', 'the key file in clear is gone');
    unlike(read_file($stored), qr/kty/, 'the stored one is not in clear');
    my $load = sub {
        chmod 0700, "$dir/credentials";
        make_path("$dir/credentials");
        run('systemd-creds', 'decrypt', "--name=$name", $stored, "$dir/credentials/$name.new");
        rename "$dir/credentials/$name.new", "$dir/credentials/$name" or die "$name: $!\n";
        chmod 0400, "$dir/credentials/$name" or die "$name: $!\n";
        chmod 0500, "$dir/credentials" or die "credentials: $!\n";
    };
    $load->();
    start($httpd, $recipe->config);
    my $first = seal($httpd);
    $httpd->restart;
    is(open_in($httpd, $first), 'user=joe', 'a session, and a graceful restart');

    $recipe->works($roll, 'a new key');
    is(read_file("$dir/systemctl"), "restart apache2\n", 'which end with a restart');
    is($in_clear->(), '', 'and leave no key file in clear');
    $httpd->stop;
    $load->();
    start($httpd);
    $httpd->write_file('clock', LEAD + 1);
    my $second = seal($httpd);
    isnt(key_id($second), key_id($first), 'after the lead, another key seals');
    is(open_in($httpd, $first), 'user=joe', 'and no session is lost');
    done($httpd);

    my $decrypted = sub { return eval { run('systemd-creds', 'decrypt', "--name=$_[0]", $stored, '-') } // '' };
    like($decrypted->($name), qr/kty/, 'the key of the host decrypts the stored file');
    is($decrypted->('another'), '', 'not under another name');
    local $ENV{SYSTEMD_CREDENTIAL_SECRET} = "$dir/another.secret";
    run(qw(systemd-creds encrypt --with-key=host --name=other), "$dir/clock", "$dir/other");
    is($decrypted->($name), '', 'and that of another host does not');
};

subtest 'a Secret of Kubernetes' => sub {
    my $httpd = server('recipes-kubernetes');
    my $dir   = $httpd->dir;
    my $recipe = SessionCrypto::Recipes->new($httpd, 'Keys from a Secret of Kubernetes', '/etc/session-keys' => "$dir/mounted");
    my ($make, $roll) = $recipe->texts('sh');
    # The cluster is a directory, with the manifest of each Secret.
    $recipe->stand_in('kubectl', <<"END");
#!/bin/sh
set -e
case "\$1 \$*" in
    create*--dry-run=client*) print=1 ;;
    create*) [ ! -e '$dir/cluster' ]; print= ;;
    replace*'-f -') [ -e '$dir/cluster' ]; exec cat >'$dir/cluster' ;;
    *) exit 1 ;;
esac
[ "\$2 \$3" = 'secret generic' ]
file=\${5#--from-file=}
manifest="name: \$4
data:
  \$file: \$(base64 -w0 "\$file")"
if [ "\$print" ]; then echo "\$manifest"; else echo "\$manifest" >'$dir/cluster'; fi
END
    my $pod = $recipe->text('yaml');
    my ($mounted)       = $pod =~ /^ +volumeMounts:\n +- name: session-keys\n +mountPath: (\S+)$/m or die "the pod mounts no Secret\n";
    my ($secret, $mode) = $pod =~ /^ +volumes:\n +- name: session-keys\n +secret:\n +secretName: (\S+)\n +defaultMode: (0\d+)$/m
        or die "the pod has no volume for it\n";
    my $kubelet = sub { project("$dir/cluster", $mounted, $secret, oct $mode) };

    $recipe->works($make, 'a Secret');
    $kubelet->();
    start($httpd, $recipe->config);
    my $first = seal($httpd);
    $recipe->works($roll, 'a new key');
    $kubelet->();
    ok(wait_until(sub { $httpd->log->lines(qr/SC0541: \Q$mounted\E\S* has changed, and its keys are in force: 2 in all/) }, SECONDS),
        'the parent sees that the link is turned');
    is(key_id(seal($httpd)), key_id($first), 'the first key seals in the lead');
    $httpd->write_file('clock', LEAD + 1);
    my %ids;
    my $children = in_each_child($httpd, sub { $ids{ key_id($_[0]->get('/', 'X-S' => 'user=joe')->token) // '' }++ });
    cmp_ok($children, '>=', 2, 'several children answer');
    is(scalar keys %ids, 1, 'which seal under one key after it');
    ok(!$ids{ key_id($first) }, 'the new one');
    is(open_in($httpd, $first), 'user=joe', 'and no session is lost');
    done($httpd);
};

subtest 'Vault' => sub {
    need_program('jq', 'jq');
    my $httpd = server('recipes-vault');
    my $dir   = $httpd->dir;
    my $recipe = SessionCrypto::Recipes->new($httpd, 'Keys from Vault, or any command', '/etc/apache2/vault-token' => "$dir/vault-token");
    my ($script) = $recipe->texts('sh');
    $httpd->write_file('bin/session-keys', $script, 0755);
    htsession($dir, 'key', '-o', 'session-keys');
    my $vault = vault($dir);
    local @ENV{qw(VAULT_ADDR VAULT_CACERT)} = ($vault->{address}, $vault->{certificate});
    $httpd->write_file('vault-token', SECRET . "\n", 0600);

    start($httpd, $recipe->config);
    my $first = seal($httpd);
    is(join(' ', grep { index(read_file("/proc/$_/environ"), SECRET) >= 0 } $httpd->pid, $httpd->children), '',
        'no process of httpd has the token in its environment');
    htsession($dir, qw(rotate session-keys --lead 1h --keep 30d));
    $httpd->restart;
    is(key_id(seal($httpd)), key_id($first), 'a new key, and a graceful restart');
    $httpd->write_file('clock', LEAD + 1);
    isnt(key_id(seal($httpd)), key_id($first), 'after the lead, it seals');
    is(open_in($httpd, $first), 'user=joe', 'and no session is lost');
    is(read_file("$dir/seen"), '', 'no argument of a process has the token');

    $httpd->write_file('vault-token', "wrong\n", 0600);
    fails($httpd, 'a wrong token',       qr/SC0714: .*exec:\S+session-keys failed/);
    unlink "$dir/vault-token";
    fails($httpd, 'no token',            qr/SC0714: .*exec:\S+session-keys failed/);
    $httpd->write_file('vault-token', SECRET . "\n", 0600);
    fails($httpd, 'another certificate', qr/SC0714: /, VAULT_CACERT => server_certificate($dir, 'other', '127.0.0.1')->{certificate});
    fails($httpd, 'no address',          qr/SC0308: .*has no VAULT_ADDR/, VAULT_ADDR => undef);
    kill TERM => $vault->{pid};
    waitpid $vault->{pid}, 0;
    fails($httpd, 'no Vault', qr/SC0714: /);
    is(open_in($httpd, $first), 'user=joe', 'httpd goes on as it is');
    done($httpd);
    unlike(read_file("$dir/error_log"), qr/${\SECRET}/, 'and its log does not have the token');
};

done_testing;

# A server whose recipe has yet to be added.
sub server { return SessionCrypto::Httpd->new(name => $_[0], handlers => process_handler()) }

# Starts a server with the lines of a recipe, or with those that it has: in haste, and with a
# clock of its own.
sub start {
    my ($httpd, $lines) = @_;
    $httpd->{config} = $lines if defined $lines;
    local $ENV{SESSION_CRYPTO_CLOCK} = $httpd->write_file('clock', 0);
    local $ENV{LD_PRELOAD} = $libraries;
    $httpd->start;
    return;
}

sub seal {
    my ($httpd) = @_;
    return $httpd->client->get('/', 'X-S' => 'user=joe')->token // '';
}

sub open_in {
    my ($httpd, $token) = @_;
    return $httpd->client->get('/', session => $token)->body;
}

# Asserts that `httpd -t` fails with a message, with variables that differ.
sub fails {
    my ($httpd, $name, $message, %variables) = @_;
    local @ENV{keys %variables} = values %variables;
    delete $ENV{$_} for grep { !defined $variables{$_} } keys %variables;
    my ($ok, $output) = $httpd->check;
    ok(!$ok, "$name: `httpd -t` fails");
    like($output, $message, 'and says why');
    unlike($output, qr/${\SECRET}/, 'without the token');
    return;
}

sub done {
    my ($httpd) = @_;
    $httpd->stop;
    $httpd->log->expect(qr/SC0541: \S+ has changed, and its keys are in force/, 'the new key');
    return $httpd->log->clean;
}

sub htsession {
    my ($dir, @words) = @_;
    my $command = SessionCrypto::Httpd::env('HTSESSION');
    return run('sh', '-c', 'cd "$1"; shift; exec "$@"', 'sh', $dir, $command, @words);
}

# Writes a Secret as the kubelet's AtomicWriter does: a new directory, to which the link ..data
# is turned, and a link for each file, once.
sub project {
    my ($manifest, $mounted, $secret, $mode) = @_;
    my $text = read_file($manifest);
    $text =~ /^name: \Q$secret\E$/m or die "the pod has no Secret of this name\n";
    my %files = $text =~ /^  (\S+): (\S+)$/mg;
    my $new = '..' . (1 + grep { -d && !-l } glob "$mounted/..[0-9]*");
    make_path("$mounted/$new");
    for my $name (keys %files) {
        write_file("$mounted/$new/$name", decode_base64($files{$name}));
        chmod $mode, "$mounted/$new/$name" or die "$name: $!\n";
        -l "$mounted/$name" or symlink "..data/$name", "$mounted/$name" or die "$name: $!\n";
    }
    my $former = readlink "$mounted/..data";
    symlink $new, "$mounted/..data_tmp" or die "..data_tmp: $!\n";
    rename "$mounted/..data_tmp", "$mounted/..data" or die "..data: $!\n";
    remove_tree("$mounted/$former") if defined $former;
    return;
}

# A server that gives the file `session-keys` of a directory to whoever has the token. It writes
# to `seen` the processes that have the token among their arguments meanwhile.
sub vault {
    my ($dir) = @_;
    write_file("$dir/seen", '');
    my $pair   = server_certificate($dir, 'vault', '127.0.0.1');
    my $socket = IO::Socket::SSL->new(
        LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 10,
        SSL_cert_file => $pair->{certificate}, SSL_key_file => $pair->{key},
    ) or die "no Vault: $!, $IO::Socket::SSL::SSL_ERROR\n";
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        $SIG{TERM} = sub { POSIX::_exit(0) };
        while (1) { answer($dir, $socket->accept // next) }
    }
    my $address = 'https://127.0.0.1:' . $socket->sockport;
    close $socket;
    return { pid => $pid, address => $address, certificate => $pair->{certificate} };
}

sub answer {
    my ($dir, $client) = @_;
    my $request = '';
    while (my $line = <$client>) {
        $request .= $line;
        last if $line eq "\r\n";
    }
    my @telling = grep { index(eval { read_file($_) } // '', SECRET) >= 0 } glob '/proc/[0-9]*/cmdline';
    write_file("$dir/seen", "@telling") if @telling;
    my $is_allowed = $request =~ m{^GET /v1/secret/data/session-keys HTTP} && $request =~ /^X-Vault-Token: ${\SECRET}\r$/mi;
    my ($status, $body) = $is_allowed
        ? ('200 OK', '{"data":{"data":' . read_file("$dir/session-keys") . ',"metadata":{"version":1}}}')
        : ('403 Forbidden', '{"errors":["permission denied"]}');
    print {$client} "HTTP/1.1 $status\r\nConnection: close\r\nContent-Length: ", length $body, "\r\n\r\n$body";
    close $client;
    return;
}
